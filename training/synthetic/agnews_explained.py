# ruff: noqa: E501 (a template is one line)
"""News articles with their section and the reason for it, in the style of AG News.

The reason names the subject of the article in the article's own words, so it can be checked against the text.
"""

from __future__ import annotations

import json
import random
import re

from training.synthetic.entities import city, club, company, country, full_name
from training.synthetic.grammar import Grammar, sentence
from training.synthetic.lexicon import invented_name, words

LABELS = ("World", "Business", "Sports", "Sci/Tech")
_NEWS, _SECTIONS, _TECH = words("news"), words("sections"), words("tech")
_REASON = {
    "World": "which is world news about politics and people.",
    "Business": "which is business news about companies and markets.",
    "Sports": "which is sports news about teams and athletes.",
    "Sci/Tech": "which is science and technology news.",
}
_SUBJECT = re.compile(r"⟦([^⟧]*)⟧")


def _goals(rng: random.Random) -> str:
    fewer = rng.randint(0, 4)
    return f"{fewer + rng.randint(1, 3)}-{fewer}"


# `⟦…⟧` marks the subject that the reason names.
ARTICLES = Grammar(
    {
        "land": country,
        "town": city,
        "who": full_name,
        "firm": company,
        "club": club,
        "odd": invented_name,
        "nation": words("places")["nationalities"],
        "day": _NEWS["days"],
        "month": _NEWS["months"],
        "issue": _NEWS["issues"],
        "sport": _NEWS["sports"],
        "contest": _NEWS["contests"],
        "n": lambda rng: str(rng.randint(2, 98)),
        "goals": _goals,
        **{name: _SECTIONS[name] for name in ("crises", "leaders", "treaties", "figures", "markets", "currencies", "contests", "feats", "injuries")},
        **{f"tech_{name}": _TECH[name] for name in ("kinds", "software", "topics", "features", "fields", "finds", "places", "industries")},
        "World": (
            "The {leaders} of {land} [flew|travelled] to {town} on {day} for ⟦talks on {issue}⟧. {world_more}",
            "{land} and {land} have signed ⟦a {treaties}⟧ in {town}. {world_more}",
            "⟦A {crises} in {land}⟧ has left {n} people without a home. {world_more}",
            "Thousands marched through {town} on {day} in ⟦a protest against the {leaders}⟧. {world_more}",
            "Voters in {land} go to the polls on {day} in ⟦an election about {issue}⟧. {world_more}",
            "{who}, the {leaders} of {land}, has resigned after ⟦a dispute over {issue}⟧. {world_more}",
            "Rebels in {land} freed {n} prisoners near {town} after ⟦talks with the {nation} army⟧. {world_more}",
        ),
        "world_more": (
            "The government of {land} did not comment.",
            "{nation} soldiers have closed the border.",
            "Aid workers from {land} are on their way.",
            "The {leaders}, {who}, spoke of a difficult hour.",
            "Parliament in {town} will meet on {day}.",
            "The United Nations called for calm.",
        ),
        "Business": (
            "{firm} reported ⟦a {figures} of {n} million dollars⟧ on {day}. {business_more}",
            "Shares of {firm} [fell|rose] {n} percent after news of ⟦a merger with {firm}⟧. {business_more}",
            "⟦The price of {markets}⟧ [fell to its lowest|rose to its highest] level since {month}. {business_more}",
            "⟦The {currencies}⟧ [gained|lost] ground against other currencies on {day}. {business_more}",
            "{firm} will close {n} shops in {land} after ⟦weak sales⟧. {business_more}",
            "{firm} named {who} as chief executive to stop ⟦the losses of the company⟧. {business_more}",
            "Banks in {land} lowered ⟦their interest rates⟧ on {day}. {business_more}",
        ),
        "business_more": (
            "Investors had expected more.",
            "Analysts at {firm} expect higher earnings.",
            "The stock closed at {n} dollars in {town}.",
            "Demand from {land} is strong, traders said.",
            "The company will pay a dividend in {month}.",
            "{who}, an analyst, spoke of a good year for shareholders.",
        ),
        "Sports": (
            "{club} beat {club} {goals} in ⟦the {contests}⟧ on {day}. {sports_more}",
            "{who} won ⟦a {feats} in {sport}⟧ at the {contest}. {sports_more}",
            "The coach of {club} must do without {who}, who has ⟦a {injuries}⟧. {sports_more}",
            "{who} of {land} reached the final of ⟦the {contest}⟧ in {town}. {sports_more}",
            "{club} have signed {who} for ⟦the new {sport} season⟧. {sports_more}",
            "⟦The {sport} team of {land}⟧ lost to {land} in {town}. {sports_more}",
        ),
        "sports_more": (
            "The fans in {town} sang for an hour.",
            "The coach, {who}, praised the defence.",
            "The next game is on {day}.",
            "The team has won {n} games this year.",
            "{who} scored in the second half.",
            "The referee had sent off two players.",
        ),
        "Sci/Tech": (
            "{firm} has unveiled ⟦a {tech_kinds} with {tech_features}⟧. {tech_more}",
            "Researchers in {town} have found ⟦{tech_finds}⟧ in {tech_places}. {tech_more}",
            "A new version of ⟦the {tech_software} {odd}⟧ can be downloaded since {day}. {tech_more}",
            "Experts warn of ⟦a security hole in a {tech_software}⟧ made by {firm}. {tech_more}",
            "{firm} is testing ⟦{tech_topics}⟧ in {town}. {tech_more}",
            "A study in {tech_fields} explains ⟦how {tech_topics} will change {tech_industries}⟧. {tech_more}",
        ),
        "tech_more": (
            "Engineers call it a step forward.",
            "The scientists published their data online.",
            "Users can try it from {month}.",
            "The laboratory in {town} will repeat the experiment.",
            "The software runs on phones and computers.",
            "{who}, a professor of {tech_fields}, was surprised.",
        ),
        "dateline": ("", "", "{town} - ", "{town}, {land} - ", "{town} (Reuters) - "),
    }
)  # fmt: skip


def article(rng: random.Random, label: str) -> tuple[str, str]:
    """An article of the section, and its subject as the article names it."""
    text = ARTICLES.draw(rng, label)
    subject = _SUBJECT.search(text)[1]
    body = sentence(_SUBJECT.sub(r"\1", text))
    return sentence(ARTICLES.draw(rng, "dateline")) + body, subject[:1].lower() + subject[1:]


def generate(rng: random.Random) -> tuple[dict[str, str], str]:
    """`{"article": …}` and a JSON object of `text_label` and `explanation`."""
    label = rng.choice(LABELS)
    text, subject = article(rng, label)
    answer = {"text_label": label, "explanation": f"The article is about {subject}, {_REASON[label]}"}
    return {"article": text}, json.dumps(answer, ensure_ascii=False)
