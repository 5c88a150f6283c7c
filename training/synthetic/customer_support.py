"""Calls to a bank's support, typed as they were heard, with the reason why the customer called.

The caller says the reason once. Around it stands what every call has: greetings, the question for a name,
small talk, and things of another kind that the caller does *not* want.
"""

from __future__ import annotations

import random

from training.synthetic.entities import city, full_name
from training.synthetic.grammar import Grammar
from training.synthetic.lexicon import words

_PEOPLE, _PLACES, _NEWS = words("people"), words("places"), words("news")
_GRAMMAR = Grammar(
    {
        "name": lambda rng: full_name(rng).lower(),
        "town": lambda rng: city(rng).lower(),
        "street": tuple(street.lower() for street in _PLACES["streets"]),
        "day": tuple(day.lower() for day in _NEWS["days"]),
        "month": tuple(month.lower() for month in _NEWS["months"]),
        "relative": (
            "son",
            "daughter",
            "sister",
            "brother",
            "mother",
            "husband",
            "wife",
            "neighbour",
            "landlord",
        ),
        "amount": (
            "twenty",
            "fifty",
            "eighty",
            "one hundred",
            "two hundred",
            "three hundred",
            "five hundred",
            "nine hundred",
            "one thousand",
        ),
        "account": ("checking account", "savings account", "account", "joint account"),
        "card": ("debit card", "credit card", "bank card", "card", "blue card", "business card"),
        "company": (
            "electric",
            "water",
            "phone",
            "gas",
            "internet",
            "heating",
            "cable",
            "rent",
            "insurance",
            "car",
        ),
        "hello": ("hello", "hi", "good morning", "good afternoon", "hey", "hi there", "yes hello"),
        "um": ("", "", "", "um ", "uh ", "well ", "so ", "okay so "),
        "please": ("", "", " please", " if that is okay", " today", " if you can", " as soon as possible"),
        "want": (
            "i want to",
            "i would like to",
            "i need to",
            "can i",
            "could i",
            "i was hoping to",
            "i am calling to",
            "is it possible to",
        ),
        "greet": (
            "hello this is harper valley [national bank|bank] my name is {name} how can i help you[| today]",
            "{hello} thank you for calling harper valley bank what can i do for you",
            "{hello} you are speaking with {name} how may i help",
            "harper valley national bank this is {name}",
        ),
        "who": (
            "what is your name please",
            "may i have your [first and last|full] name",
            "can i get your name",
            "sure and who am i speaking with",
            "of course your name please",
        ),
        "am": (
            "my name is {name}",
            "{um}it is {name}",
            "{name}",
            "this is {name} from {town}",
            "yes i am {name}",
        ),
        "chat": (
            "one moment please",
            "okay i am looking it up for you",
            "it is a [cold|sunny|rainy|busy] {day} here in {town}",
            "sorry it is a little loud in here",
            "i was at the office on {street} last {day}",
            "sure no problem",
            "thank you for waiting",
            "take your time",
        ),
        "bye": (
            "is there anything else",
            "all done thank you for calling",
            "you are all set have a nice {day}",
            "anything else i can help you with",
            "okay that is done",
        ),
        "thanks": (
            "no that is all thank you",
            "thank you bye",
            "no thanks have a good day",
            "that is it thank you so much",
            "great goodbye",
        ),
    }
)
REASONS: dict[str, tuple[str, ...]] = {
    "replace card": (
        "i lost my {card} [on the train|in {town}|on {day}|at the market] and i need a new one",
        "my {card} was stolen [in {town}|on {day}]",
        "{want} get a new {card} mine is [broken|bent|cracked]",
        "the machine on {street} swallowed my {card}",
        "my {card} does not work any more the chip is damaged",
        "{want} have my {card} replaced",
        "i can not find my {card} anywhere can you send me another",
        "the dog chewed my {card} and i need another one",
    ),
    "transfer money": (
        "{want} move {amount} dollars from my {account} to [my savings|my {relative}|another account]",
        "{want} send {amount} dollars to my {relative}",
        "{want} make a transfer of {amount} dollars",
        "{want} transfer {amount} dollars [between my accounts|to my {relative}|into savings]",
        "please put {amount} dollars from my {account} into the account of my {relative}",
        "how do i wire {amount} dollars to {town}",
    ),
    "check balance": (
        "{want} know how much money is in my {account}",
        "what is the balance of my {account}",
        "{want} check [the balance|what is left] on my {account}",
        "how much do i have left in my {account}",
        "can you tell me what is in my {account} right now",
        "do i still have {amount} dollars in my {account}",
    ),
    "order checks": (
        "{want} order [more|new|some] checks",
        "i ran out of checks and need a new book of them",
        "can you mail me [a book|a box|two books|three boxes] of checks",
        "my checkbook is [empty|nearly used up|full]",
        "{want} get checks with my new address in {town} printed",
        "there are no checks left in my book can you send more",
    ),
    "pay bill": (
        "{want} pay my {company} bill",
        "my {company} bill of {amount} dollars is due [on {day}|in {month}] and {want} pay it",
        "{want} settle a bill from the {company} company",
        "can you pay {amount} dollars to the {company} company for me",
        "i got a {company} bill and {want} take care of it",
        "i have to pay what i owe to the {company} company",
    ),
    "reset password": (
        "i forgot my password",
        "{want} reset my password for the [website|app|online banking]",
        "i can not log in [any more|to the website|to the app] it says the password is wrong",
        "i am locked out of online banking",
        "the [website|app] does not take my password",
        "{want} get a new password i forgot the old one",
        "my login stopped working on {day}",
    ),
    "schedule appointment": (
        "{want} make an appointment [on {day}|with an advisor|in {month}]",
        "{want} meet [someone|an advisor|a banker] at the office on {street}",
        "can i come in on {day} and talk to an advisor",
        "{want} schedule a meeting for {day}[ morning| afternoon|]",
        "do you have a free slot on {day} to sit down with a banker",
        "{want} book an appointment[ for {day}| in {town}|]",
    ),
    "get branch hours": (
        "when does the branch on {street} open[ on {day}|]",
        "until when is the office [on {street}|in {town}] open",
        "what are your hours on {day}",
        "is the branch in {town} open on {day}",
        "what time do you close [on {day}|today]",
        "how late is the {town} branch open",
    ),
    "none of the above": (
        "{want} talk about a [mortgage|car loan|student loan|house loan]",
        "i want to complain about [a fee|the service|a rude clerk] [in {town}|on {street}]",
        "are you [hiring|looking for clerks] [in {town}|in {month}]",
        "{want} close my {account}",
        "{want} change my address i moved to {town}",
        "i think i have the wrong number is this the [pizza place|doctor|school]",
        "i left my [umbrella|hat|bag|scarf] in your office on {day}",
        "what is the interest rate on a loan of {amount} dollars",
        "{want} open an account for my {relative}",
    ),
}
# What the caller names without wanting it; never the reason's own matter.
ASIDES: dict[str, str] = {
    "replace card": "my {card} is fine by the way",
    "transfer money": "my {relative} got the transfer thanks",
    "check balance": "i know my balance",
    "order checks": "the checks came last {day}",
    "pay bill": "the {company} bill is already paid",
    "reset password": "the password works fine",
    "schedule appointment": "i had my appointment in {month}",
    "get branch hours": "i know the hours",
}


def _say(rng: random.Random, template: str) -> str:
    return " ".join(_GRAMMAR.expand(rng, template).split())


def wish(rng: random.Random, reason: str) -> str:
    """The words in which a caller names the reason."""
    opener, closer = rng.choice(("{hello} ", "{um}", "")), rng.choice(("", "{please}"))
    return _say(rng, opener + rng.choice(REASONS[reason]) + closer)


def call(rng: random.Random, reason: str) -> list[tuple[str, str]]:
    """The turns of a call about that reason: who speaks, and what is said."""

    def say(template: str) -> str:
        return _say(rng, template)

    turns = [("agent", say("{greet}"))]
    aside = say(rng.choice([text for other, text in ASIDES.items() if other != reason]))
    style = rng.random()
    if style < 0.35:
        turns.append(("caller", wish(rng, reason)))
    elif style < 0.7:
        turns += [
            ("caller", say("{hello} this is {name}")),
            ("agent", say("{hello} how can i help")),
            ("caller", wish(rng, reason)),
        ]
    else:
        turns += [
            ("caller", say("{hello} how are you")),
            ("agent", say("{chat}")),
            ("caller", wish(rng, reason)),
        ]
    if rng.random() < 0.5:
        turns += [("agent", say("{who}")), ("caller", say("{am}"))]
    if rng.random() < 0.4:
        turns.append((rng.choice(("agent", "caller")), say("{chat}")))
    if rng.random() < 0.35:
        turns.append(("caller", aside))
    if rng.random() < 0.5:
        turns += [("agent", say("{bye}")), ("caller", say("{thanks}"))]
    return turns


def transcript(turns: list[tuple[str, str]]) -> str:
    return "\n".join(f"{speaker}: {said}" for speaker, said in turns)


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"text": …}`, a transcript, and the task type."""
    reason = rng.choice(tuple(REASONS))
    return {"text": transcript(call(rng, reason))}, reason
