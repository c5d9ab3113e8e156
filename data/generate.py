"""Writes the data of the assignment: a corpus of invented biographies and questions about birth places.
`python data/generate.py` writes the full set into data/ and the laptop slice into data/laptop/; the same
bytes come out on every Python from 3.9 on. See data/README.md, or `python data/generate.py --help`."""

import argparse
import math
import os
import random
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import biographies  # noqa: E402
import names  # noqa: E402
import places  # noqa: E402

# --- Every size and every chance -----------------------------------------------------------------------------

COURSE = {
    "seed": 2021,
    "people": {"train": 2000, "dev": 500, "test": 437, "unseen": 200},
    "london": {"train": 100, "dev": 25, "test": 22, "unseen": 10},   # the baseline: 5 % of each split
    "hint": 0.10,                    # chance that the place is drawn from the countries of the name's language
    "name_lengths": (7, 34),
    "letters": None,                 # any
    "people_a_surname": 5,           # how many people may share a surname
    "middle_initial": 0.13,          # of people with English names
    "middle_name": 0.08,             # of the others, and of the English again
    "women": 0.42,
    "birthplace_early": 0.92,        # share of documents that tell the birthplace in the first characters,
    "early": 112,                    # that is, within so many
    "birthplace_late": 0.04,         # share that tell it only after those; the rest never do
    "lengths": [(0.0, 48), (0.25, 100), (0.5, 130), (0.75, 168), (0.9, 235), (1.0, 380)],   # quantiles aimed at
    "near": 9,                       # a document this near to the length aimed at is kept;
    "candidates": 6,                 # failing that, the nearest of so many
    "with_region": 0.45,             # chance that region or country follows the birthplace where there is room
    "own_script": 0.75,              # chance to show a name in its own script where names.py has it
    "native": 0.65,                  # chance that nationality follows the birthplace, not the language of the name
    "born": [(0.15, 1800, 1850), (0.25, 1850, 1900), (0.60, 1900, 1987)],
    "now": 2012,                     # no date is later
    "dead": [(29, 0.0), (49, 0.08), (84, 0.55), (999, 1.0)],   # (age in that year, chance to be dead up to that age)
    "age_at_death": (32, 94),
    "career": {"sport": (18, 35), "other": (24, 55)},          # ages at which something happens
    "dates": [("day first", 0.45), ("month first", 0.30), ("year", 0.25)],
    "usa": 0.15,                     # chance of "Columbus, Ohio, USA" instead of "Columbus, Ohio"
    "ready_title": 0.12,             # chance that a title comes from biographies.TITLES, some of which ask
    # (length aimed at, how many sentences may follow the first one in documents up to that length)
    "extras": [(95, (0, 0)), (150, (0, 1)), (190, (0, 2)), (250, (1, 3)), (999, (2, 4))],
}

LAPTOP = {
    "seed": 224,
    "people": {"train": 80, "dev": 120, "test": 40, "unseen": 200},
    "london": {"train": 4, "dev": 6, "test": 2, "unseen": 10},   # the baseline: 5 % of each split
    "place_fall": 30,                # the place of rank r has weight 1 / (r + place_fall): smaller falls faster
    "name_lengths": (9, 16),
    "letters": "áéíóúöüçñåøèã",      # the only letters beyond ASCII that a name may have
    "people_a_surname": 1,           # how many people may share a surname
    "documents": 4,                  # about each person, each by another plan
    "longest_document": 62,
    "birthplace_told": 0.88,         # share of the documents that tell the birthplace
    "most_silent": 1,                # but at most this many documents of a person do not
    "other_city_if_told": 0.15,      # share of those documents that name another city too
    "other_city_if_not": 0.50,
    "women": 0.45,
    "born": (1850, 1930),
    "age_at_death": (46, 88),
    "age_at_event": (25, 45),
}


class Chance:
    """Chances built on random() alone, whose sequence for a seed is the same in every version of Python."""

    def __init__(self, seed):
        self._random = random.Random(seed).random

    def true(self, share):
        return self._random() < share

    def point(self):
        return self._random()

    def between(self, low, high):
        """A whole number from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, items):
        return items[int(self._random() * len(items))]

    def weighted(self, items, weights):
        point = self._random() * math.fsum(weights)      # sum() rounds by version
        for item, weight in zip(items, weights):
            point -= weight
            if point < 0:
                return item
        return items[-1]

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = int(self._random() * (last + 1))
            items[last], items[other] = items[other], items[last]
        return items


class Person:
    """What is invented about one person; `facts` are the words that a sentence plan may use."""

    def __init__(self, name, given, family, surname, language, woman):
        self.name, self.given, self.family, self.surname = name, given, family, surname
        self.language, self.woman = language, woman
        self.place = None


# --- Names ---------------------------------------------------------------------------------------------------

def invent_people(count, settings, chance, taken):
    """`count` people whose names are unique, none of the taken ones, and not near-duplicates of each other."""
    languages = list(names.LANGUAGES)
    shares = [names.LANGUAGES[language]["share"] for language in languages]
    people, surnames_of, givens_of = [], {}, {}
    while len(people) < count:
        language = chance.weighted(languages, shares)
        woman = chance.true(settings["women"])
        given = chance.pick(names.LANGUAGES[language]["women" if woman else "men"])
        family = chance.pick(names.LANGUAGES[language]["surnames"])
        surname = names.surname_for(language, family, woman)
        middle = invent_middle(language, woman, settings, chance)
        name = " ".join(part for part in (given, middle, surname) if part)
        shortest, longest = settings["name_lengths"]
        if not shortest <= len(name) <= longest:
            continue
        letters = settings["letters"]
        if letters is not None and any(ord(letter) > 127 and letter not in letters for letter in name):
            continue
        namesakes = givens_of.setdefault(family, [])
        if name in taken or given in (middle, surname) or len(namesakes) >= settings["people_a_surname"]:
            continue
        if any(close(given, other) for other in namesakes):
            continue
        if any(close(surname, other) for other in surnames_of.setdefault(given, [])):
            continue
        namesakes.append(given)
        surnames_of[given].append(surname)
        people.append(Person(name, given, family, surname, language, woman))
    return people


def invent_splits(settings, chance, taken=frozenset()):
    """People by split."""
    people = invent_people(sum(settings["people"].values()), settings, chance, taken)
    splits = {}
    for split, count in settings["people"].items():
        splits[split], people = people[:count], people[count:]
    # A letter that only unseen people have would be in no document: such a person changes places with another.
    train, unseen = splits["train"], splits["unseen"]
    letters = {letter for split in splits if split != "unseen" for person in splits[split] for letter in person.name}
    strangers = [index for index, person in enumerate(unseen) if not letters.issuperset(person.name)]
    for place, index in enumerate(strangers):
        train[place], unseen[index] = unseen[index], train[place]
    return splits


def invent_middle(language, woman, settings, chance):
    """A middle initial, a second given name, or nothing."""
    if language == "English" and chance.true(settings.get("middle_initial", 0)):
        return chance.pick("ABCDEFGHJKLMNPRSTVW") + "."
    if chance.true(settings.get("middle_name", 0)):
        return chance.pick(names.LANGUAGES[language]["women" if woman else "men"])
    return ""


def close(one, other):
    """Whether two words differ in at most two letters put in, left out or changed."""
    if abs(len(one) - len(other)) > 2:
        return False
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, row = row, [i]
        for j, against in enumerate(other, 1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != against)))
    return row[-1] <= 2


# --- Words ---------------------------------------------------------------------------------------------------

def with_article(words):
    """The words with "a" or "an" before them."""
    vowel = words[0].lower() in "aeiou" and not words.lower().startswith(("eu", "ug", "uk", "uni", "uru", "ut"))
    return ("an " if vowel else "a ") + words


def capital(words):
    return words[0].upper() + words[1:]


def pronouns(woman):
    he, him, his = ("she", "her", "her") if woman else ("he", "him", "his")
    return {"he": he, "him": him, "his": his, "He": capital(he), "His": capital(his)}


# --- Places --------------------------------------------------------------------------------------------------

def spread(items, weights, count, chance):
    """`count` items, each as often as its weight says, rounded up or down by chance."""
    total, start, passed, out = math.fsum(weights), chance.point(), 0.0, []
    for item, weight in zip(items, weights):
        passed += weight * count / total
        while len(out) < count and start + len(out) < passed:
            out.append(item)
    while len(out) < count:
        out.append(items[-1])
    return out


# --- The full set --------------------------------------------------------------------------------------------

# Other cities: each as often as its weight, and London with the weight of Paris.
CITIES = [place for place in places.PLACES + [places.LONDON] if place.is_city for _ in range(place.weight)]
MONTHS = """January February March April May June July August September October November December""".split()
# At most one match of each of these may stand in a document.
ONLY_ONE = (r"never married|is married|had \w+ children", r"lives|living in|based in|divides")
PLANS = {"early": biographies.BORN, "late": biographies.LATE, "never": biographies.SILENT}
ENDS = r"(?:until|retired (?:after an injury )?in|gave up \w+ in|lost \w+ seat in) (\d{4})"     # of a career
DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def course_people(settings=COURSE):
    """The people of the full set by split, each with a birthplace; nobody has the name of a laptop person."""
    chance = Chance(settings["seed"])
    weights = [place.weight for place in places.PLACES]
    elsewhere = {person.name for people in laptop_people().values() for person in people}
    splits = invent_splits(settings, chance, elsewhere)
    for split, people in splits.items():
        london = settings["london"][split]
        chosen = [places.LONDON] * london + spread(places.PLACES, weights, len(people) - london, chance)
        for person, place in zip(people, chance.shuffled(chosen)):
            if place is not places.LONDON and chance.true(settings["hint"]):
                homes = places.HOMES[person.language]
                place = chance.pick([other for other in places.PLACES if other.country in homes])
            person.born_in, person.place = place, place.name
    return splits


def course_documents(splits, settings=COURSE):
    """The corpus of the full set: a document about everyone but the unseen, in a chance order."""
    chance = Chance(settings["seed"] + 1)
    people = [person for split in splits if split != "unseen" for person in splits[split]]
    early, late = (round(settings[share] * len(people)) for share in ("birthplace_early", "birthplace_late"))
    tells = ["early"] * early + ["late"] * late + ["never"] * (len(people) - early - late)
    return chance.shuffled(course_document(person, told, settings, chance)
                           for person, told in zip(people, chance.shuffled(tells)))


def course_document(person, told, settings, chance):
    """One document that tells the birthplace early, late or never, with a length near to one aimed at."""
    length = quantile(settings["lengths"], chance.point())
    best, tries = None, 0
    while tries < settings["candidates"]:
        life = Life(person, settings, chance)
        document = write_biography(life, told, length, settings, chance)
        if not document or when_told(document, person.place, settings["early"]) != told:
            continue
        tries += 1
        if best is None or abs(len(document) - length) < abs(len(best) - length):
            best = document
        if abs(len(document) - length) <= settings["near"]:
            break
    return best


def quantile(points, share):
    """The value at `share` on the line through (share, value) points."""
    for (low, least), (high, most) in zip(points, points[1:]):
        if share <= high:
            return least + (most - least) * (share - low) / (high - low)
    return points[-1][1]


def when_told(document, place, early):
    """Whether a document names a place within its first `early` characters, only later, or never."""
    match = re.search(r"(?<!\w)" + re.escape(place) + r"(?!\w)", document)
    if not match:
        return "never" if place not in document else "unclear"
    return "early" if match.end() <= early else "late"


class Life:
    """What one try at a biography says of a person: dates that agree, a field of work, and other cities."""

    def __init__(self, person, settings, chance):
        self.person, self.place, self.chance = person, person.born_in, chance
        while not self._draw_dates(settings):
            pass
        self.cities = self._other_cities(4)
        self.nations = self._nationalities(settings)

    def _draw_dates(self, settings):
        """Draws field, birth, death and career years; False where the field and the years do not agree."""
        chance = self.chance
        fields = list(biographies.FIELDS)
        self.field = biographies.FIELDS[
            chance.weighted(fields, [biographies.FIELDS[field]["share"] for field in fields])]
        sport = self.field is biographies.FIELDS["sport"]
        _, low, high = chance.weighted(settings["born"], [span[0] for span in settings["born"]])
        self.born = chance.between(low, high)
        first, last = self.field.get("born", (0, settings["now"]))
        if self.person.woman:
            first = max(first, self.field.get("women_from", 0))
        if not max(first, self.place.since) <= self.born <= last:
            return False
        age = settings["now"] - self.born
        dead = next(share for oldest, share in settings["dead"] if age <= oldest)
        self.dead = dead == 1 or dead > 0 and chance.true(dead)
        self.died = self.born + chance.between(*settings["age_at_death"]) if self.dead else None
        if self.dead and self.died > settings["now"]:
            return False
        first_age, last_age = settings["career"]["sport" if sport else "other"]
        self.first_year = self.born + first_age
        self.last_year = min((self.died or settings["now"]) - 1, self.born + last_age)
        return self.first_year < self.last_year < settings["now"]

    def _other_cities(self, count):
        """Cities that exist in that time and that nobody can mistake for the birthplace."""
        found = []
        while len(found) < count:
            city = self.chance.pick(CITIES)
            mistakable = city.name in self.place.name or self.place.name in city.name
            if city.since <= self.born and not mistakable and city.name not in found:
                found.append(city.name)
        return found

    def _nationalities(self, settings):
        """The person's nationality and that of the parents."""
        adjective, _, since = places.COUNTRIES[self.place.country]
        homes = places.HOMES[self.person.language]
        homes = [home for home in homes if places.COUNTRIES[home][2] <= self.born] or homes
        of_name = places.COUNTRIES[self.chance.pick(homes)][0]
        if self.born >= since and self.chance.true(settings["native"]):
            return adjective, of_name
        return of_name, of_name

    def year(self):
        return self.chance.between(self.first_year, self.last_year)

    def last_years(self):
        """A year in the last third of the career, when somebody may well retire."""
        return self.chance.between(self.last_year - (self.last_year - self.first_year) // 3, self.last_year)

    def where(self, settings):
        """The birthplace with, at times, its region or country."""
        place, chance = self.place, self.chance
        _, country, since = places.COUNTRIES[place.country]
        if not chance.true(settings["with_region"]) or place.country == place.name:
            return place.name
        if place.region:
            more = ", USA" if country == "USA" and chance.true(settings["usa"]) else ""
            return "{}, {}{}".format(place.name, place.region, more)
        return "{}, {}".format(place.name, country) if self.born >= since else place.name


def write_biography(life, told, length, settings, chance):
    """A document by one of the plans, or None where the pieces drawn do not go together."""
    plan = chance.pick(suiting(PLANS[told], life))
    least, most = next(span for longest, span in settings["extras"] if length <= longest)
    mores = suiting(biographies.MORES, life)
    extras = 0 if told == "late" else chance.between(least, most)
    drawn = sorted({chance.between(0, len(mores) - 1) for _ in range(extras)})
    field, facts = life.field, known_facts(life, settings)

    def fill(template):
        return template.format(yr=life.year(), end=life.last_years(), **facts)

    def some(words):
        return chance.pick(in_time(words, life))

    facts["title"] = invent_title(settings, chance)
    facts["school"], facts["subject"] = fill(some(field["schools"])), some(field["subjects"])
    facts["family"] = fill(chance.pick(biographies.FAMILIES))
    facts["known"] = fill(some(field["known"]))
    deeds = chance.shuffled(in_time(field["deeds"], life))
    facts.update(zip(("deed", "deed2", "deed3", "deed4", "deed5"), [fill(deed) for deed in deeds[:5]]))
    # A deed that can follow "moved to Rome in 1921 and" or "moved to Rome, where he".
    facts["deed_alone"] = fill(next(deed for deed in deeds if not re.search(r"\{(home|work|yr)\}", deed)))
    # Not "and was born in Rome and studied law and moved to Oslo".
    facts["path"] = fill(chance.pick([path for path in biographies.PATHS
                                      if "and {path}" not in plan or " and " not in path]))
    tail = chance.pick(biographies.TAILS)
    if field.get("one_trade") and "{occ2}" in tail + plan:
        return None
    facts["tail"] = fill(tail)
    facts["comma_tail"] = facts["tail"] if tail.startswith(",") else ""
    text = capital(fill(plan)) + "".join(fill(mores[index]) for index in drawn)
    if not reads_well(text, plan, life, facts):
        return None
    if chance.true(settings["own_script"]):
        text = show_own_script(text, life.person)
    return "{}. {}".format(life.person.name, text)


def suiting(plans, life):
    """The plans that suit the living or the dead."""
    return [plan for suits, plan in plans if suits in ("any", "dead" if life.dead else "living")]


def invent_title(settings, chance):
    """The title of a book, a song or a picture."""
    if chance.true(settings["ready_title"]):
        return chance.pick(biographies.TITLES)
    adjective = chance.pick(biographies.TITLE_ADJECTIVES)
    noun, other = chance.pick(biographies.TITLE_NOUNS), chance.pick(biographies.TITLE_NOUNS)
    return chance.pick(biographies.TITLE_PATTERNS).format(
        adj=adjective, A_adj=capital(with_article(adjective)), noun=noun, nouns=plural(noun), other=other,
        others=plural(other))


def known_facts(life, settings):
    """The facts that need nothing but the life itself."""
    person, chance = life.person, life.chance
    style = chance.weighted(*zip(*settings["dates"]))
    born, died = date(life.born, style, chance), date(life.died, style, chance) if life.dead else ""
    birthday = born if style != "year" else date(life.born, "day first", chance)
    sex = "w" if person.woman else "m"
    occupations = [word.partition(":")[0] for word in in_time(life.field["occupations"], life)
                   if word.partition(":")[2] in ("", sex)]
    occ, occ2, occ3 = chance.shuffled(occupations)[:3]
    parent = chance.pick(biographies.PARENTS)
    nation, of_parents = life.nations
    home, work, study, grave = life.cities
    father = chance.pick(names.LANGUAGES[person.language]["men"]) + " " + person.family
    return dict(
        pronouns(person.woman), name=person.name, last=person.surname, Last=capital(person.surname),
        place=life.place.name, where=life.where(settings), a_place=with_article(life.place.name),
        A_place=capital(with_article(life.place.name)), b=born, bday=birthday, by=life.born, d=died, dy=life.died,
        occ=occ, occ2=occ2, occ3=occ3, a_occ=with_article(occ), a_parent=with_article(parent), parent=parent,
        nat=nation, nat2=of_parents, a_nat=with_article(nation), A_nat=capital(with_article(nation)),
        home=home, work=work, study=study, grave=grave,
        child="daughter" if person.woman else "son", father=father,
        n=chance.pick(biographies.NUMBERS), few=chance.pick(biographies.FEW),
        nick=chance.pick(biographies.NICKNAMES), relative=chance.pick(biographies.RELATIVES),
        kinsman=chance.pick(biographies.KINSMEN),
        comes="came" if life.dead else "comes", **{"is": "was" if life.dead else "is"})


def in_time(words, life):
    """The words that suit the year of birth; a word may end in "|" and the first year it suits."""
    pairs = [word.partition("|") for word in words]
    return [word for word, _, first in pairs if life.born >= int(first or 0)]


def date(year, style, chance):
    """A date in a year: "5 May 1921", "May 5, 1921" or just "1921"."""
    if style == "year":
        return str(year)
    month = chance.between(0, 11)
    day = chance.between(1, DAYS[month])
    return ("{0} {1} {2}" if style == "day first" else "{1} {0}, {2}").format(day, MONTHS[month], year)


def plural(noun):
    return noun[:-1] + "ies" if noun[-1] == "y" and noun[-2] not in "aeo" else noun + "s"


def reads_well(text, plan, life, facts):
    """False for a text that says a thing twice or says "born at" of a country, and the like."""
    once = life.cities + [
        facts["title"], facts["known"], facts["deed_alone"], " " + facts["relative"], " " + facts["kinsman"],
        "educated", "studied", "known", "lived", "taught", "remembered", "retired", "handbook", "journal", "debut",
        "died"]
    if any(text.count(words) > 1 for words in once) or any(len(re.findall(words, text)) > 1 for words in ONLY_ONE):
        return False
    if any(len(re.findall(r"\b{}\b".format(word), text)) > 1 for word in (facts["occ"], facts["parent"])):
        return False
    years = re.findall(r"\b(?:1[89]|20)\d\d\b", text)
    career = [int(year) for year in years if int(year) not in (life.born, life.died)]
    if len(set(years)) < len(years) or career != sorted(career):
        return False
    ends = re.findall(ENDS, text)
    if len(ends) > 1 or ends and int(ends[0]) != career[-1]:
        return False
    if "born at" in plan and not life.place.is_city:
        return False
    return not ("{place}-born" in plan and life.place.name.startswith("The "))


def show_own_script(text, person):
    """Puts the name in its own script in brackets after its first mention, where names.py knows it."""
    given, surname = names.native_form(person.language, person.given, person.family, person.woman)
    if not surname:
        return text
    if person.name in text:
        mention = person.name
        own = (surname + given if person.language == "Japanese" else given + " " + surname) if given else surname
    else:
        mention, own = person.surname, surname
    before, mention, after = text.partition(mention)
    if after.startswith("'"):
        return text
    if after.startswith(" ("):
        return "{}{} ({}; {}".format(before, mention, own, after[2:])
    return "{}{} ({}){}".format(before, mention, own, after)


# --- The laptop slice ----------------------------------------------------------------------------------------

def laptop_people(settings=LAPTOP):
    """The people of the small world by split, each with a birthplace; no other place is as frequent as London."""
    chance = Chance(settings["seed"])
    others = places.LAPTOP_PLACES[1:]
    weights = [1 / (rank + settings["place_fall"]) for rank in range(len(others))]
    splits = invent_splits(settings, chance)
    for split, people in splits.items():
        london = settings["london"][split]
        chosen = ["London"] * london + spread(others, weights, len(people) - london, chance)
        for person, place in zip(people, chance.shuffled(chosen)):
            person.place = place
    return splits


def laptop_corpus(splits, settings=LAPTOP):
    """The corpus of the small world: some documents about everyone but the unseen, in a chance order."""
    chance = Chance(settings["seed"] + 1)
    return chance.shuffled(document for split, people in splits.items() if split != "unseen"
                           for person in people for document in laptop_documents(person, settings, chance))


def laptop_documents(person, settings, chance):
    """Some documents about one person that agree with each other, each by another plan."""
    born = chance.between(*settings["born"])
    died = born + chance.between(*settings["age_at_death"])
    occupation = chance.pick(biographies.LAPTOP_OCCUPATIONS)
    nationality = places.COUNTRIES[chance.pick(places.HOMES[person.language])][0]
    work, grave = chance.shuffled(place for place in places.LAPTOP_PLACES if place != person.place)[:2]
    facts = dict(pronouns(person.woman), name=person.name, place=person.place, born=born, died=died,
                 year=born + chance.between(*settings["age_at_event"]), occ=occupation, a_occ=with_article(occupation),
                 nat=nationality, a_nat=with_article(nationality), A_nat=capital(with_article(nationality)),
                 work=work, grave=grave, title=chance.pick(biographies.LAPTOP_TITLES))
    used, silent = [], 0
    while len(used) < settings["documents"]:
        told = silent >= settings["most_silent"] or chance.true(settings["birthplace_told"])
        if told:
            city = chance.true(settings["other_city_if_told"])
            plans = biographies.LAPTOP_BORN_AND_CITY if city else biographies.LAPTOP_BORN
        else:
            city = chance.true(settings["other_city_if_not"])
            plans = biographies.LAPTOP_NOT_BORN_BUT_CITY if city else biographies.LAPTOP_NOT_BORN
        fitting = [plan for plan in plans if plan not in used
                   and len(plan.format(**facts)) <= settings["longest_document"]]
        if fitting:
            used.append(chance.pick(fitting))
            silent += not told
    documents = [plan.format(**facts) for plan in used]
    assert all(len(document) <= settings["longest_document"] for document in documents)
    return documents


# --- Files ---------------------------------------------------------------------------------------------------

def question(person):
    return "Where was {} born?".format(person.name)


def with_answers(people):
    return ["{}\t{}".format(question(person), person.place) for person in people]


SLICES = {"course": (course_people, course_documents), "laptop": (laptop_people, laptop_corpus)}


def files_of(slice_name):
    """File name -> lines, of the full set ("course") or of the laptop slice."""
    invent, write = SLICES[slice_name]
    splits = invent()
    return {
        "wiki.txt": write(splits),
        "birth_places_train.tsv": with_answers(splits["train"]),
        "birth_dev.tsv": with_answers(splits["dev"]),
        "birth_test_inputs.tsv": [question(person) for person in splits["test"]],
        "birth_unseen.tsv": with_answers(splits["unseen"]),
    }


def test_answers(slice_name):
    """The lines that stay out of the folders: the test questions with their answers."""
    return with_answers(SLICES[slice_name][0]()["test"])


def write_lines(path, lines):
    """Writes a file beside its target and renames it, so that the target is never half written."""
    beside = "{}.{}.tmp".format(path, os.getpid())
    try:
        with open(beside, "w", encoding="utf-8", newline="\n") as file:
            file.write("".join(line + "\n" for line in lines))
        os.replace(beside, path)
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, path) from None
    finally:
        if os.path.exists(beside):
            os.remove(beside)


def read_lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read().splitlines()


# --- Statistics ----------------------------------------------------------------------------------------------

def statistics(folder):
    """(what, value) rows about the files of a folder, measured from the files alone."""
    documents = read_lines(os.path.join(folder, "wiki.txt"))
    golds = {split: [line.split("\t") for line in read_lines(os.path.join(folder, "birth_{}.tsv".format(name)))]
             for split, name in (("train", "places_train"), ("dev", "dev"), ("unseen", "unseen"))}
    questions = read_lines(os.path.join(folder, "birth_test_inputs.tsv"))
    place_of = {line[0][len("Where was "):-len(" born?")]: line[1] for split in ("train", "dev")
                for line in golds[split]}
    lengths = sorted(map(len, documents))
    count = len(documents)
    rows = [("documents", count),
            ("characters", sum(lengths) + count),
            ("distinct characters", len(set("\n".join(documents)))),
            ("length, quartiles", " / ".join(str(lengths[count * part // 4]) for part in (1, 2, 3))),
            ("length, mean", "{:.1f}".format(sum(lengths) / count)),
            ("length, longest", lengths[-1])]
    for split in golds:
        of_place = {}
        for _, place in golds[split]:
            of_place[place] = of_place.get(place, 0) + 1
        second = max(number for place, number in of_place.items() if place != "London")
        rows.append(("{}: questions".format(split), len(golds[split])))
        rows.append(("{}: places".format(split), len(of_place)))
        rows.append(("{}: London; next place".format(split), "{:.1f} %; {:.1f} %".format(
            *(100 * number / len(golds[split]) for number in (of_place["London"], second)))))
    rows.append(("test: questions", len(questions)))
    all_places = set(place_of.values())
    told = {"early": 0, "late": 0, "never": 0}
    about, with_other = 0, 0
    for document in documents:
        name = next((name for name in place_of if name in document), None)
        if name:
            about += 1
            told[when_told(document, place_of[name], COURSE["early"])] += 1
            with_other += any(place in document for place in all_places - {place_of[name]})
    rows += [("birthplace within {} characters".format(COURSE["early"]), "{:.1f} %".format(100 * told["early"] / about)),
             ("birthplace only later", "{:.1f} %".format(100 * told["late"] / about)),
             ("birthplace not told", "{:.1f} %".format(100 * told["never"] / about)),
             ("another known place named", "{:.1f} %".format(100 * with_other / about))]
    return rows


# --- Command line --------------------------------------------------------------------------------------------

class Arguments(argparse.ArgumentParser):
    def error(self, message):
        """One line and status 2, without the usage in front."""
        self.exit(2, "generate.py: {} (see --help)\n".format(message))


def main(arguments=None):
    parser = Arguments(prog="generate.py", allow_abbrev=False,
                       description="Writes the full data set and the laptop slice, or the test answers.")
    parser.add_argument("--out", metavar="DIR", help="write DIR/... and DIR/laptop/... (default: the folder data/)")
    parser.add_argument("--slice", choices=sorted(SLICES), help="only the full set, or only the laptop slice")
    parser.add_argument("--answers", metavar="PATH",
                        help="write only the test answers, of the full set unless --slice laptop is given")
    parser.add_argument("--stats", metavar="DIR", help="print the statistics of the files in DIR, write nothing")
    options = parser.parse_args(arguments)
    if options.answers is not None and options.out is not None:
        parser.error("--answers and --out do not go together")
    if options.stats is not None and (options.answers or options.out or options.slice):
        parser.error("--stats goes with no other option")
    try:
        if options.stats is not None:
            try:
                rows = statistics(options.stats)
            except (KeyError, IndexError, ValueError):
                parser.error("{}: its files are not as data/README.md describes them".format(options.stats))
            for what, value in rows:
                print("{:<34}{:>20}".format(what, value))
        elif options.answers is not None:
            write_lines(options.answers, test_answers(options.slice or "course"))
        else:
            for slice_name in [options.slice] if options.slice else SLICES:
                folder = HERE if options.out is None else options.out
                folder = folder if slice_name == "course" else os.path.join(folder, "laptop")
                os.makedirs(folder, exist_ok=True)
                for name, lines in files_of(slice_name).items():
                    write_lines(os.path.join(folder, name), lines)
    except OSError as problem:
        parser.error("{}: {}".format(problem.filename, problem.strerror))


if __name__ == "__main__":
    main()
