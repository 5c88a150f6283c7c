# ruff: noqa: E501 (a template is one line)
"""Clauses of contracts with the one word under which a lawyer would file them."""

from __future__ import annotations

import random

from training.synthetic.entities import city, company, country, full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import words

_TENS = ("ten", "fourteen", "fifteen", "twenty", "thirty", "forty-five", "sixty", "ninety")
_GRAMMAR = Grammar(
    {
        "a": lambda rng: rng.choice(
            (
                "the Seller",
                "the Lender",
                "the Licensor",
                "the Company",
                "the Landlord",
                "the Supplier",
                company(rng),
            )
        ),
        "b": lambda rng: rng.choice(
            (
                "the Buyer",
                "the Borrower",
                "the Licensee",
                "the Executive",
                "the Tenant",
                "the Customer",
                full_name(rng),
            )
        ),
        "party": ("{a}", "{b}", "each party", "either party"),
        "each": ("each party", "{a}", "{b}", "each of the parties"),
        "shall": ("shall", "shall", "will", "must", "agrees to"),
        "this": ("this Agreement", "this Contract", "this Lease", "this Deed", "this Note"),
        "days": tuple(
            f"{word} ({number})" for word, number in zip(_TENS, (10, 14, 15, 20, 30, 45, 60, 90), strict=True)
        ),
        "period": (
            "{days} days",
            "{days} business days",
            "[one year|two years|three years|five years]",
            "[six|twelve|eighteen] months",
        ),
        "sum": lambda rng: f"${rng.randint(1, 90)},{rng.randint(0, 9)}00",
        "percent": lambda rng: f"{rng.randint(2, 18)}%",
        "land": lambda rng: rng.choice(
            (country(rng), f"the State of {rng.choice(words('places')['regions'])}", city(rng))
        ).replace("of the ", "of "),
        "city": city,
        "month": words("news")["months"],
        "goods": words("news")["commodities"],
        "opener": (
            "",
            "",
            "",
            "",
            "Subject to Section {n}, ",
            "Except as set out in Section {n}, ",
            "For the avoidance of doubt, ",
        ),
        "n": lambda rng: str(rng.randint(2, 19)),
        "tail": (
            "[The parties have read|{b} has read] this Section with care.",
            "This Section applies to {a} and to {b}.",
            "Nothing in Section {n} limits this Section.",
            "The headings in {this} have no effect on this Section.",
            "{b} has signed this Section in {city}.",
            "This applies from the first day of {month}.",
        ),
    }
)
CLAUSES: dict[str, tuple[str, ...]] = {
    "governing-law": (
        "{this} shall be [governed by|construed under|interpreted in accordance with] the laws of {land}[|, without regard to its rules on conflicts of laws].",
        "the [validity|meaning|interpretation] of {this} is governed by the law of {land}.",
        "the laws of {land} [govern|apply to] {this} and [all matters|every claim] arising from it.",
    ),
    "confidentiality": (
        "{each} {shall} keep [secret|confidential] all information received from the other and {shall} not disclose it [to any third party|to anyone else].",
        "{b} {shall} hold the Confidential Information of {a} in [strict confidence|secrecy] for {period}.",
        "no party may disclose [trade secrets|business secrets|confidential data] of the other without [prior|written] consent.",
    ),
    "termination": (
        "{party} may terminate {this} by giving {days} days' [written notice|notice].",
        "{a} may terminate {this} at once if {b} [fails to perform|is in breach of] Section {n}.",
        "{this} may be [ended|terminated|cancelled] by {party} [for any reason|with or without cause] after {period}.",
    ),
    "indemnification": (
        "{each} {shall} [indemnify|indemnify and hold harmless|indemnify and defend] the other against all [losses|claims|damages|costs] arising from [its acts|any breach|its negligence].",
        "{b} {shall} defend, indemnify and hold {a} harmless from any claim of a third party.",
        "the indemnity of {a} covers [losses|legal fees|all claims] up to {sum}.",
    ),
    "payment": (
        "{b} {shall} pay {a} the sum of {sum} within {days} days of the invoice.",
        "invoices are [due|payable] within {days} days[|, by bank transfer to {a}].",
        "payment of {sum} is due on the first day of {month}.",
    ),
    "assignment": (
        "{party} may not assign {this} or any right under it without the [prior|written] consent of the other.",
        "{b} {shall} not [assign|transfer] its rights to any third party.",
        "any assignment of {this} without the consent of {a} is void.",
    ),
    "severability": (
        "if any provision of {this} is [held|found] to be [invalid|unenforceable|void], the remaining provisions stay in force.",
        "the invalidity of one provision [does not affect|leaves untouched] the rest of {this}.",
        "each provision of {this} is severable, and [an invalid|an unenforceable] one is struck out.",
    ),
    "notices": (
        "all notices under {this} must be in writing and [delivered by hand|sent by registered mail|sent by courier] to {a}.",
        "a notice is deemed received {days} days after [mailing|posting] to the address of {b}.",
        "notices to {a} are sent to its office in {city}[|, with a copy to {b}].",
    ),
    "force-majeure": (
        "{party} is not liable for delay caused by [flood|fire|war|strike|storm|earthquake] or other events beyond its [reasonable control|control].",
        "if [an act of God|war|a strike|a flood|an epidemic|an earthquake] prevents performance, the duties of {b} are suspended.",
        "a force majeure event lasting more than {period} excuses {a}.",
    ),
    "warranty": (
        "{a} warrants that the {goods} [is free from defects|conforms to the sample|is of good quality] for {period}.",
        "{each} represents and warrants that it has full power to sign {this}.",
        "the goods are sold as is, and {a} makes no warranty, express or implied[|, of merchantability].",
    ),
    "insurance": (
        "{b} {shall} maintain insurance [against fire and theft|of the premises|for the {goods}] with a limit of at least {sum}.",
        "{a} {shall} give {b} a certificate of insurance within {days} days.",
        "the insurance policy must name {a} as [an additional insured|a beneficiary].",
    ),
    "amendment": (
        "{this} may be [amended|modified|changed] only in writing signed by both parties.",
        "no [amendment|modification] of {this} is valid unless {a} and {b} sign it.",
        "any change to {this} requires a written amendment[| approved by {a}].",
    ),
    "entire-agreement": (
        "{this} is the entire agreement between the parties and supersedes all prior [understandings|talks|agreements].",
        "there are no other promises between {a} and {b}; {this} replaces every earlier [letter|draft|understanding].",
        "{this}, with its schedules, [contains|is] the whole agreement on its subject.",
    ),
    "waiver": (
        "no [delay|failure] by {party} in exercising a right is a waiver of it.",
        "a waiver by {a} of one breach is not a waiver of a later one.",
        "{b} waives [presentment and protest|every defence|the right to a jury trial].",
    ),
    "arbitration": (
        "any dispute under {this} {shall} be settled by arbitration in {city}.",
        "[three arbitrators|one arbitrator|a sole arbitrator] sitting in {city} {shall} decide every dispute.",
        "the award of the arbitrator is final and binding on {a} and {b}.",
    ),
    "non-compete": (
        "for {period} after leaving, {b} {shall} not compete with {a} in {land}.",
        "{b} may not work for a competitor of {a} [during the term|for {period}].",
        "{b} {shall} not own or manage a competing business within {n} miles of {city}.",
    ),
    "taxes": (
        "{b} {shall} bear all taxes [on the {goods}|levied in {land}|on the premises], including sales tax.",
        "{a} may withhold [income tax|all taxes required by law] from any sum due to {b}.",
        "each party files its own tax return and pays its own taxes in {land}.",
    ),
    "interest": (
        "overdue amounts bear interest at {percent} per year.",
        "the loan bears interest at a rate of {percent}, computed [daily|on a year of 360 days|monthly].",
        "interest at {percent} accrues on the unpaid principal from the first day of {month}.",
    ),
    "counterparts": (
        "{this} may be signed in [any number of|two|several] counterparts, [each an original|which together are one document].",
        "counterparts delivered by [fax|e-mail|courier] are as good as originals.",
        "{a} and {b} may each sign a separate counterpart of {this}.",
    ),
    "term": (
        "the term of {this} begins on the first day of {month} and lasts {period}.",
        "{this} has an initial term of {period} and is renewed for a further term [of {period}|each year].",
        "{this} stays in effect for a term of {period}[| from the date of signing].",
    ),
    "liability": (
        "the total liability of {a} is limited to {sum}.",
        "{party} is not liable for [indirect|consequential|special] damages or lost profits.",
        "the liability of {a} under {this} is capped at the fees paid in {period}.",
    ),
    "audit": (
        "{a} may [inspect|audit|examine] the books and records of {b} once a year.",
        "{b} {shall} keep proper accounts and let an auditor of {a} [see|copy|examine] them.",
        "upon {days} days' notice, the auditors of {a} have access to the records in {city}.",
    ),
    "definitions": (
        "in {this}, “[Affiliate|Premises|Product|Territory|Closing|Business Day]” means [any company under common control|the land in {city}|the {goods} sold by {a}|a day on which banks in {city} are open].",
        "capitalised terms have the meanings given to them in Section {n}.",
        "the word “[including|person|month|year]” has the meaning defined in Schedule {n}.",
    ),
    "survival": (
        "Sections {n} and {n} survive the [end|expiry|termination] of {this}.",
        "the duties of {b} under Section {n} survive for {period} after closing.",
        "all [representations|promises|covenants] in {this} {shall} survive [closing|delivery of the {goods}].",
    ),
}


def clause(rng: random.Random, kind: str) -> str:
    """One clause of that kind, with a sentence of ornament before or after it in every other case."""
    text = sentence(_GRAMMAR.expand(rng, "{opener}" + rng.choice(CLAUSES[kind])))
    style = rng.random()
    if style < 0.4:
        text += " " + sentence(_GRAMMAR.draw(rng, "tail"))
    elif style < 0.5:
        text = sentence(_GRAMMAR.draw(rng, "tail")) + " " + text
    return text.replace("agrees to not", "agrees not to")


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"clause_text": …}` and the kind of clause, one hyphenated word."""
    kind = rng.choice(tuple(CLAUSES))
    return {"clause_text": clause(rng, kind)}, kind
