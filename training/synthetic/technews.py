# ruff: noqa: E501 (a template is one line)
"""News of technology and science: an event, its headline, and paragraphs that report it.

An event fixes names, things and numbers. `headline` and `report` say it in one fixed way each; `retold` says the
same in freely chosen words, with other sentences around it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.synthetic.entities import city, company, full_name
from training.synthetic.grammar import sentence, with_articles
from training.synthetic.lexicon import invented_name, words

_TECH, _NEWS = words("tech"), words("news")


@dataclass(frozen=True)
class Story:
    """A kind of event. All texts are `str.format` templates over the facts.

    `report` has one sentence for each minute of reading and one more; `retold` holds the choices for the first
    sentence and for the one after it, in which every fact of the headline appears.
    """

    headline: str
    report: tuple[str, str, str, str]
    retold: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Event:
    story: Story
    facts: dict[str, str]

    def headline(self) -> str:
        return sentence(with_articles(self.story.headline.format(**self.facts)))

    def report(self, sentences: int) -> str:
        """The first two to four sentences of the fixed report."""
        return _prose(self.story.report[:sentences], self.facts)

    def retold(self, rng: random.Random) -> str:
        """The event in freely chosen words, with up to two sentences more."""
        told = [rng.choice(options) for options in self.story.retold]
        told += rng.sample(_ASIDES, rng.randint(0, 2))
        return _prose(told, {**self.facts, **_aside_facts(rng)})


def _prose(templates: list[str] | tuple[str, ...], facts: dict[str, str]) -> str:
    return " ".join(sentence(with_articles(template.format(**facts))) for template in templates)


DRAW = {
    "maker": company,
    "other": company,
    "product": invented_name,
    "kind": lambda rng: rng.choice(_TECH["kinds"]),
    "software": lambda rng: rng.choice(_TECH["software"]),
    "feature": lambda rng: rng.choice(_TECH["features"]),
    "topic": lambda rng: rng.choice(_TECH["topics"]),
    "field": lambda rng: rng.choice(_TECH["fields"]),
    "find": lambda rng: rng.choice(_TECH["finds"]),
    "spot": lambda rng: rng.choice(_TECH["places"]),
    "industry": lambda rng: rng.choice(_TECH["industries"]),
    "cause": lambda rng: rng.choice(_TECH["causes"]),
    "staff": lambda rng: rng.choice(_TECH["jobs"]),
    "town": city,
    "person": full_name,
    "price": lambda rng: str(rng.choice((rng.randint(5, 99), rng.randint(1, 20) * 50))),
    "sum": lambda rng: f"{rng.randint(2, 99)} {rng.choice(('million', 'million', 'billion'))}",
    "count": lambda rng: str(rng.randint(2, 95) * rng.choice((1, 10, 100))),
    "hours": lambda rng: str(rng.randint(2, 72)),
    "month": lambda rng: rng.choice(_NEWS["months"]),
}
_ASIDES = (
    "{someone} of {firm} called the news a surprise.",
    "Shares of {firm} did not move on {day}.",
    "More details are expected on {day}.",
    "Readers in {place} had heard rumours for weeks.",
    "It is the first news of this kind since {long_ago}.",
    "A spokeswoman in {place} did not want to comment.",
    "Critics say that {issue} matters more.",
)


def _aside_facts(rng: random.Random) -> dict[str, str]:
    return {
        "someone": full_name(rng),
        "firm": company(rng),
        "place": city(rng),
        "day": rng.choice(_NEWS["days"]),
        "issue": rng.choice(_NEWS["issues"]),
        "long_ago": rng.choice(_NEWS["months"]),
    }


STORIES = (
    Story(
        "{maker} launches {product}, a {kind} with {feature}",
        (
            "{maker} has launched {product}, a new {kind}.",
            "{product} comes with {feature}, which customers had asked for.",
            "It will be in the shops next month.",
            "Early testers like the {kind}, but say that {maker} should lower the price.",
        ),
        (
            ("{maker} has presented a new {kind} called {product}.", "A new {kind} by {maker}, {product}, was shown this week.", "{product} is the name of the new {kind} that {maker} is bringing out."),
            ("It comes with {feature}.", "The company says that it has {feature}.", "What is new is {feature}."),
        ),
    ),
    Story(
        "{maker} buys {other} for ${sum}",
        (
            "{maker} has agreed to buy {other} for ${sum}.",
            "Both companies expect to close the deal before the end of the year.",
            "{other} will keep its name and its offices.",
            "For {maker} it is the largest purchase so far.",
        ),
        (
            ("{maker} is taking over {other}.", "{other} has been sold to {maker}.", "{maker} and {other} have signed a deal, and {other} becomes part of {maker}."),
            ("The price is ${sum}.", "{maker} pays ${sum} in cash.", "The deal is worth ${sum}."),
        ),
    ),
    Story(
        "{maker} raises ${sum} for {topic}",
        (
            "The start-up {maker} has raised ${sum} from investors.",
            "It will spend the money on {topic}.",
            "The company plans to hire engineers and open a second office.",
            "Investors believe that {topic} will grow for years.",
        ),
        (
            ("The start-up {maker} has collected ${sum}.", "Investors have put ${sum} into {maker}.", "{maker} has closed a funding round of ${sum}."),
            ("It works on {topic}.", "The money goes into {topic}.", "{topic} is what the company wants to spend it on."),
        ),
    ),
    Story(
        "{software} by {maker} gets {feature}",
        (
            "{maker} has updated its {software}.",
            "The new version of the {software} brings {feature}.",
            "The update is free and arrives this week.",
            "Users had asked {maker} for it for a long time.",
        ),
        (
            ("An update for the {software} of {maker} is out.", "{maker} has a new version of its {software}.", "The {software} that {maker} makes was updated on Monday."),
            ("It now has {feature}.", "Users get {feature}.", "It adds {feature}."),
        ),
    ),
    Story(
        "{cause} stops {maker} services for {hours} hours",
        (
            "Services of {maker} were down for {hours} hours.",
            "The company says that the reason was {cause}.",
            "No data was lost, and all customers can log in again.",
            "{maker} has apologised and will pay back part of the fees.",
        ),
        (
            ("Customers of {maker} could not log in for {hours} hours.", "For {hours} hours the services of {maker} did not work.", "{maker} was offline for {hours} hours."),
            ("The reason was {cause}.", "{cause} was to blame, the company says.", "It was caused by {cause}."),
        ),
    ),
    Story(
        "Scientists from {town} find {find} in {spot}",
        (
            "Scientists from {town} have found {find} in {spot}.",
            "They had been searching {spot} for several years.",
            "The results were published in a journal this week.",
            "Other teams will now try to repeat the work.",
        ),
        (
            ("After years of work, a team of scientists from {town} reports a success.", "A study by scientists in {town} was published this week.", "Scientists from {town} have something to celebrate."),
            ("In {spot} they found {find}.", "They discovered {find} in {spot}.", "They came upon {find} while they worked in {spot}."),
        ),
    ),
    Story(
        "{maker} cuts {count} jobs in {town}",
        (
            "{maker} will cut {count} jobs at its office in {town}.",
            "The company says that costs have grown too fast.",
            "Those who leave will be paid until the summer.",
            "Workers in {town} want to meet the management on Monday.",
        ),
        (
            ("Bad news for {town}: {maker} is saving money.", "{maker} has to save money at its office in {town}.", "Workers at the {town} office of {maker} got a letter on Friday."),
            ("{count} people will lose their jobs.", "The company will let {count} people go.", "{count} jobs will be lost."),
        ),
    ),
    Story(
        "{maker} hires {count} {staff} in {town}",
        (
            "{maker} is looking for {count} {staff} in {town}.",
            "The company opens a new office there.",
            "It is still hard to find good {staff}, the company says.",
            "The city of {town} helps with the search for homes.",
        ),
        (
            ("{maker} is growing and opens an office in {town}.", "A new office of {maker} opens in {town}.", "{town} gets an office of {maker}."),
            ("The company wants to employ {count} {staff}.", "There is work for {count} {staff}.", "{count} {staff} will be hired."),
        ),
    ),
    Story(
        "{product} {kind} now costs ${price}",
        (
            "The {kind} {product} has a new price.",
            "It is now sold for ${price}.",
            "The old price had been too high for many buyers.",
            "Shops expect to sell more of the {product} this year.",
        ),
        (
            ("The makers of {product}, a popular {kind}, have changed its price.", "Buyers of the {kind} {product} find a new price in the shops.", "The price of {product}, a {kind}, was changed on Tuesday."),
            ("It costs ${price} now.", "It is sold for ${price}.", "Buyers pay ${price} from today."),
        ),
    ),
    Story(
        "{person} becomes head of {maker}",
        (
            "{person} is the new head of {maker}.",
            "The board chose {person} after a long search.",
            "The change takes place next month.",
            "The former head leaves {maker} after ten years.",
        ),
        (
            ("The board of {maker} has made a decision.", "{maker} has been looking for a new head since spring.", "There is a change at the top of {maker}."),
            ("{person} will lead the company.", "The job goes to {person}.", "{person} was chosen to run it."),
        ),
    ),
    Story(
        "{maker} brings {topic} to {industry}",
        (
            "{maker} wants to use {topic} in {industry}.",
            "A first test begins this summer.",
            "Experts say that {industry} is slow to change.",
            "If the test works, {maker} will sell the service in other countries.",
        ),
        (
            ("A new project of {maker} is about {industry}.", "{maker} has discovered {industry} as a market.", "People who work in {industry} will soon hear of {maker}."),
            ("The company will use {topic} there.", "Its idea is {topic}.", "It builds on {topic}."),
        ),
    ),
    Story(
        "{town} tests {kind} made by {maker}",
        (
            "The city of {town} is testing a {kind}.",
            "It was made by {maker} and is used by the city's workers.",
            "The test lasts for half a year.",
            "Then the council of {town} will decide whether to buy more.",
        ),
        (
            ("The council of {town} is trying something new.", "In {town} a test has begun.", "{town} wants to become a modern city."),
            ("City workers use a {kind} by {maker}.", "It has ordered a {kind} from {maker}.", "For half a year it will try out a {kind} of {maker}."),
        ),
    ),
    Story(
        "{maker} delays {product} until {month}",
        (
            "{maker} needs more time for {product}.",
            "It will not come out before {month}.",
            "The company found problems in a late test.",
            "Customers who have paid can get their money back.",
        ),
        (
            ("Those who are waiting for {product} need patience.", "{product} is late.", "There are problems with {product}."),
            ("{maker} will not sell it before {month}.", "{maker} now speaks of {month}.", "{maker} has moved the date to {month}."),
        ),
    ),
    Story(
        "{maker} opens its {software} to everyone",
        (
            "The {software} of {maker} is now open to everyone.",
            "Until now it could be used by invitation only.",
            "The company says that its servers are ready.",
            "A plan with more features costs a fee each month.",
        ),
        (
            ("Nobody needs an invitation from {maker} any more.", "{maker} has ended a long test.", "The waiting list of {maker} is gone."),
            ("Its {software} can be used by everyone.", "Everyone can now use its {software}.", "Its {software} is open to all."),
        ),
    ),
    Story(
        "{person} shows the limits of {topic}",
        (
            "A new study by {person} looks at {topic}.",
            "It shows limits of {topic} which many had not seen.",
            "The authors looked at data from ten years.",
            "{person} asks for better tests and more patience.",
        ),
        (
            ("{person} has published a study in a journal of {field}.", "Experts in {field} are discussing a study by {person}.", "A study by {person} in the field of {field} makes people think."),
            ("It is about the limits of {topic}.", "It points out the limits of {topic}.", "According to it, {topic} can do less than people hoped."),
        ),
    ),
    Story(
        "{product}: an open source {software} from {town}",
        (
            "{product} is a new open source {software}.",
            "It was written by a small group of people in {town}.",
            "The code can be read and changed by anyone.",
            "The group looks for helpers who want to write the manual.",
        ),
        (
            ("A small group in {town} has published its code.", "Programmers from {town} have worked on it for two years.", "In {town} some friends write software in their free time."),
            ("{product} is an open source {software}.", "Their open source {software} is called {product}.", "The result is {product}, an open source {software}."),
        ),
    ),
)  # fmt: skip


def event(rng: random.Random) -> Event:
    """One event. Facts of two names never fall together."""
    facts = {name: draw(rng) for name, draw in DRAW.items()}
    while facts["other"] == facts["maker"]:
        facts["other"] = company(rng)
    return Event(rng.choice(STORIES), facts)
