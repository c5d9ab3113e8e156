"""Sentence plans of the biographies: what a document may say about a person and in which words.
Plans are str.format templates; generate.py fills them with the facts of one person and checks what comes out.
Lists named LAPTOP_ belong to the small world, the others to the full set."""

# --- The small world -----------------------------------------------------------------------------------------
# Facts: name, place (of birth), born, died, year (of some event between), occ, a_occ ("an actor"), nat, a_nat,
# A_nat, his, His, work and grave (other cities), title. A document holds one plan and at most 62 characters.

LAPTOP_OCCUPATIONS = """actor architect baker banker biologist botanist cellist chemist composer dancer diplomat
doctor engineer farmer harpist historian inventor jeweller judge lawyer linguist novelist nurse organist painter
physicist pianist pilot poet potter printer sculptor singer spy surgeon surveyor tailor teacher violinist
weaver""".split()

LAPTOP_TITLES = ["Why Not?", "So What?", "Who Knows?", "Is It Late?", "Salt", "Two Doors", "The Gate", "Cold Light",
                 "Blue Hours", "The Ferry", "Ash and Snow", "A Quiet Year", "Old Maps", "The Well", "Night Train"]

LAPTOP_BORN = [
    "{name} was born in {place} in {born}.",
    "{name} (born {born} in {place}) was {a_occ}.",
    "{name} ({place}, {born}) was {a_nat} {occ}.",
    "{name}, {a_occ} from {place}, died in {died}.",
    "{name}, born in {place}, was {a_nat} {occ}.",
    "{name} was {a_nat} {occ} born in {place}.",
    "{name} was a native of {place} and {a_occ}.",
    "{name} came into the world in {place}.",
    "{name} never forgot {place}, {his} birthplace.",
    "The {occ} {name} was born in {place}.",
    "The {nat} {occ} {name} was a native of {place}.",
    "In {born} {name} was born in {place}.",
    "Born in {place}, {name} became {a_occ}.",
    "Born in {born} in {place}, {name} was {a_occ}.",
    "A native of {place}, {name} was {a_occ}.",
    "A child of {place}, {name} died in {died}.",
    "The birthplace of {name}, {a_occ}, was {place}.",
    "In {place} the {occ} {name} was born.",
    "{place} was the birthplace of {name}.",
    "{place} is the home town of the {occ} {name}.",
    "{place}-born {name} was {a_nat} {occ}.",
    "The {place}-born {occ} {name} died in {died}.",
    "From {place} came the {nat} {occ} {name}.",
    "Like {his} father, {name} was born in {place}.",
    "{His} family lived in {place} when {name} was born.",
    "A plaque in {place} marks the birth of {name}.",
    "{place}, {born}: the {occ} {name} is born.",
    "{A_nat} {occ}, {name} was born in {place}.",
    "Young {name} grew up in {place}, {his} birthplace.",
    "\"{title}\" is by {name}, born in {place}.",
    "When {name} was born in {place}, it was {born}.",
]

LAPTOP_BORN_AND_CITY = [
    "Born in {place}, {name} worked in {work}.",
    "{name} left {place}, {his} birthplace, for {work}.",
    "{name} was born in {place} and died in {grave}.",
    "In {work} lived {name}, born in {place}.",
    "The {occ} {name} of {work} was born in {place}.",
    "In {work} the {place}-born {name} was {a_occ}.",
    "{place} is the birthplace, {grave} the grave of {name}.",
    "Buried in {grave}, {name} was born in {place}.",
    "From {place}, {his} birthplace, {name} came to {work}.",
]

LAPTOP_NOT_BORN = [
    "{name} was {a_nat} {occ}.",
    "The {nat} {occ} {name} died in {died}.",
    "In {year} the {occ} {name} won a gold medal.",
    "{name} finished \"{title}\" in {year}.",
    "\"{title}\" is the best known work of {name}.",
]

LAPTOP_NOT_BORN_BUT_CITY = [
    "{name} worked in {work} as {a_occ}.",
    "The {occ} {name} died in {grave} in {died}.",
    "In {year} {name} moved to {work}.",
    "Many in {work} knew the {occ} {name}.",
    "A street in {grave} is named after {name}.",
]

# --- The full set: fields of work ----------------------------------------------------------------------------
# occupations: "word" or "word|first plausible year of birth"; deeds follow "who", "and" or the person's name and
# may name {home}, {work}, {yr} and {title}; known follows "known for". A title is a book, a song, a picture.
# born: years of birth in which the field is likely; women_from: the first for women; one_trade: never "X and Y".

FIELDS = {
    "letters": {
        "share": 16,
        "occupations": ["poet", "novelist", "playwright", "essayist", "translator", "writer", "literary critic",
                        "journalist|1820", "editor", "children's author|1850", "short story writer|1850"],
        "subjects": ["literature", "philology", "classics", "philosophy", "history", "journalism|1920"],
        "schools": ["the University of {study}", "a teachers' college in {study}"],
        "deeds": [
            "wrote for several newspapers in {home}", "published a first volume of verse in {yr}",
            "edited a literary review in {home}", "won a prize for \"{title}\" in {yr}",
            "wrote \"{title}\" during a long stay in {work}", "translated plays for the theatres of {home}",
            "taught creative writing to evening classes", "wrote mostly about the lives of sailors",
            "gave up the law to write", "contributed stories to small magazines", "lived for many years in {home}",
            "kept a diary for more than thirty years", "ran a bookshop in {work}",
            "wrote \"{title}\", a novel set in {work}", "belonged to a circle of young writers in {home}"],
        "known": ["the novel \"{title}\"", "{his} poems about the sea", "\"{title}\" ({yr})", "{his} travel books",
                  "{his} letters from {work}", "the play \"{title}\", first given in {work}",
                  "{his} stories for children", "{his} satirical verse"],
    },
    "music": {
        "share": 11,
        "occupations": ["composer", "pianist", "conductor", "violinist", "cellist", "organist", "soprano:w", "tenor:m",
                        "baritone:m", "music teacher", "flautist", "harpsichordist", "musicologist|1860"],
        "subjects": ["music", "composition", "the piano", "singing", "the violin"],
        "schools": ["the conservatory in {study}", "the music school in {study}"],
        "deeds": [
            "taught at the conservatory in {home}", "toured widely with a string quartet",
            "appeared at the opera in {work}", "led an orchestra in {home} until {yr}",
            "made {his} debut in {work} in {yr}", "collected the folk songs of the region",
            "wrote the opera \"{title}\"", "played in the orchestra pit of a theatre in {home}",
            "won second prize at a competition in {work}", "gave concerts for young listeners",
            "wrote two symphonies and much chamber music", "founded a choir in {home}",
            "arranged old church music for small choirs", "wrote a handbook of harmony",
            "directed the music of a church in {home}"],
        "known": ["{his} chamber music", "the opera \"{title}\"", "{his} settings of old ballads",
                  "{his} recordings of early music|1900", "{his} church music", "{his} performances in {work}",
                  "the song cycle \"{title}\" ({yr})", "{his} book on the history of the organ"],
    },
    "popular music": {
        "share": 5, "born": (1895, 1987),
        "occupations": ["singer", "jazz saxophonist", "guitarist", "record producer|1920", "folk singer", "drummer",
                        "jazz pianist", "songwriter", "bandleader", "accordionist", "bass guitarist|1935"],
        "subjects": ["music", "the trumpet", "sound engineering|1940", "literature"],
        "schools": ["the music school in {study}", "the University of {study}"],
        "deeds": [
            "recorded the album \"{title}\"|1930", "played with a number of small bands", "sang in the clubs of {home}",
            "toured {work} in {yr}", "formed a trio in {yr}", "wrote songs for the radio", "ran a record shop in {home}",
            "had one hit, \"{title}\", in {yr}|1925", "played on more than a hundred records",
            "gave up touring in {yr}", "opened a studio in {home}|1930", "wrote the music for several films"],
        "known": ["the song \"{title}\"", "the album \"{title}\" ({yr})|1930", "{his} slow ballads",
                  "{his} concerts in {work}", "{his} deep voice", "{his} songs about ordinary people"],
    },
    "painting": {
        "share": 8,
        "occupations": ["painter", "engraver", "illustrator", "photographer|1830", "printmaker", "landscape painter",
                        "portrait painter", "cartoonist|1840", "lithographer", "miniaturist"],
        "subjects": ["painting", "drawing", "engraving", "design|1880"],
        "schools": ["the Academy of Fine Arts in {study}", "the school of art in {study}"],
        "deeds": [
            "was drawn to harbours and fishing boats", "showed work in {work} in {yr}", "kept a studio in {home}",
            "illustrated more than forty books", "taught drawing in {home}", "exhibited widely in {home} and {work}",
            "left a large collection of sketches to the museum of {home}", "gave up art in {yr}",
            "joined a group of young artists in {home}", "travelled to {work} to study the old masters",
            "drew for the newspapers of {home}", "worked mostly by lamplight", "made more than two hundred portraits"],
        "known": ["{his} portraits of actors", "{his} views of {work}", "the picture \"{title}\"",
                  "{his} woodcuts", "{his} pictures of everyday life", "{his} still lifes",
                  "\"{title}\", now in a museum in {work}"],
    },
    "building and form": {
        "share": 5,
        "occupations": ["sculptor", "architect", "potter", "stage designer|1840", "glass artist", "woodcarver",
                        "furniture maker", "medallist"],
        "subjects": ["architecture", "sculpture", "design|1880", "drawing"],
        "schools": ["the Academy of Fine Arts in {study}", "the school of applied arts in {study}"],
        "deeds": [
            "designed the town hall of {work}", "worked mainly in wood and stone", "carved altars for village churches",
            "kept a workshop in {home}", "restored the cathedral of {work}", "won a prize in {work} in {yr}",
            "built a row of small houses in {home}", "made a fountain for a square in {work}",
            "taught at a school of crafts in {home}", "showed {his} work for the first time in {yr}"],
        "known": ["{his} large bronze figures", "a fountain in {work}", "{his} simple chairs", "{his} blue glass",
                  "{his} plain and useful forms", "the statue \"{title}\" in {work}", "{his} war memorials|1890"],
    },
    "sport": {
        "share": 17, "born": (1878, 1987), "women_from": 1895, "one_trade": True,
        "occupations": ["footballer", "swimmer", "sprinter", "long-distance runner", "cyclist", "rower", "fencer",
                        "boxer", "gymnast", "tennis player", "wrestler", "hurdler", "speed skater",
                        "water polo player", "field hockey player", "sailor", "weightlifter", "basketball player|1900",
                        "judoka|1930", "handball player|1905", "ice hockey player", "figure skater", "diver"],
        "subjects": ["medicine", "physiotherapy|1930", "engineering", "law"],
        "schools": ["the University of {study}", "a sports college in {study}"],
        "deeds": [
            "competed at the championships in {work} in {yr}", "won a bronze medal in {work} in {yr}",
            "trained with a club in {home}", "retired after an injury in {yr}", "later worked as a coach in {home}",
            "was named athlete of the year in {yr}", "finished fourth in {yr}", "qualified for two Olympic Games",
            "spent most of a long career in {home}", "captained the national team", "joined a well-known club",
            "won the national title four times", "opened a sports shop in {home}", "turned professional in {yr}",
            "represented {his} native country at the games in {work}"],
        "known": ["{his} victory in {work} in {yr}", "{his} long rivalry with {his} brother", "{his} calm style",
                  "{his} many national titles", "{his} late start", "{his} comeback of {yr}"],
    },
    "exact science": {
        "share": 6, "women_from": 1855,
        "occupations": ["chemist", "physicist", "astronomer", "mathematician", "engineer", "statistician|1850",
                        "biochemist|1880", "computer scientist|1925", "inventor", "surveyor"],
        "subjects": ["chemistry", "mathematics", "physics", "engineering"],
        "schools": ["the University of {study}", "the technical school in {study}"],
        "deeds": [
            "taught at the University of {home}", "held a chair at the University of {home} from {yr}",
            "worked in a laboratory in {home}", "published a handbook that went through nine editions",
            "received the gold medal of a learned society", "worked on the theory of tides",
            "built one of the first instruments of its kind", "lectured in {work} in {yr}",
            "held eleven patents", "corresponded with scholars in {work}", "edited a journal in {home}"],
        "known": ["{his} work on the chemistry of dyes", "a textbook of geometry", "{his} measurements of starlight",
                  "the book \"{title}\"", "{his} lectures in {work}", "{his} tables of logarithms",
                  "{his} studies of friction"],
    },
    "natural history": {
        "share": 5,
        "occupations": ["botanist", "geologist", "zoologist", "entomologist", "geneticist|1880", "meteorologist|1830",
                        "ornithologist", "naturalist", "marine biologist|1850", "explorer"],
        "subjects": ["natural history", "botany", "zoology", "geology"],
        "schools": ["the University of {study}", "the forestry school in {study}"],
        "deeds": [
            "described more than sixty species of moth", "took part in an expedition to the north in {yr}",
            "helped to found the natural history museum in {work}", "studied the mosses of high mountains",
            "taught at the University of {home}", "collected plants along the coast", "surveyed the coast in {yr}",
            "directed the botanical garden of {work}", "spent four winters in the Arctic", "lectured in {work} in {yr}",
            "left {his} collections to a museum in {home}"],
        "known": ["{his} studies of lichens", "{his} maps of the sea floor|1850", "the book \"{title}\"",
                  "{his} drawings of beetles", "{his} work on the flight of birds", "{his} journey to {work} in {yr}"],
    },
    "medicine and learning": {
        "share": 5, "women_from": 1855,
        "occupations": ["physician", "surgeon", "neurologist|1840", "psychologist|1860", "linguist", "historian",
                        "archaeologist|1820", "philosopher", "theologian", "anthropologist|1840", "librarian"],
        "subjects": ["medicine", "philosophy", "history", "philology", "theology"],
        "schools": ["the University of {study}"],
        "deeds": [
            "taught at the University of {home}", "held a chair at the University of {home} from {yr}",
            "published a handbook that went through nine editions", "lectured in {work} in {yr}",
            "worked for thirty years in {home}", "moved to a post in {work} in {yr}", "edited a journal in {home}",
            "read papers to learned societies", "wrote \"{title}\", a popular account of the subject",
            "refused a chair in {work}", "gave popular talks"],
        "known": ["the book \"{title}\"", "{his} lectures in {work}", "a dictionary in six volumes",
                  "{his} quarrels with other scholars", "{his} letters to colleagues in {work}",
                  "an early study of memory"],
    },
    "politics": {
        "share": 12, "women_from": 1875,
        "occupations": ["politician", "lawyer", "judge", "diplomat", "trade unionist|1840", "civil servant",
                        "mayor", "newspaper owner", "economist", "social reformer", "activist|1900", "jurist"],
        "subjects": ["law", "economics", "history", "public administration|1900"],
        "schools": ["the University of {study}", "the law school in {study}"],
        "deeds": [
            "practised law in {home}", "sat in parliament from {yr}", "was elected to the city council of {home} in {yr}",
            "served as a minister for two years", "led the campaign for a new harbour", "lost {his} seat in {yr}",
            "was posted as consul to {work}", "edited a weekly paper in {home}", "founded a night school for workers",
            "wrote a history of the local courts", "served as a judge in {home}", "took part in the talks in {work} in {yr}",
            "campaigned for better housing in {home}", "resigned over a question of taxes"],
        "known": ["{his} work for prison reform", "{his} part in the treaty of {yr}", "{his} speeches",
                  "{his} long service as consul in {work}", "the pamphlet \"{title}\"", "{his} support of free schools"],
    },
    "stage": {
        "share": 9, "born": (1840, 1987),
        "occupations": ["actor:m", "actress:w", "stage director", "film director|1885", "screenwriter|1890",
                        "choreographer", "ballet dancer", "comedian", "film producer|1880", "radio presenter|1900",
                        "television presenter|1925", "costume designer", "cinematographer|1880", "puppeteer"],
        "subjects": ["acting", "dance", "drama", "stage design"],
        "schools": ["the drama school in {study}", "the theatre academy in {study}"],
        "deeds": [
            "appeared on the stage in {home} from {yr}", "made {his} first film in {yr}|1895", "toured with a company from {work}",
            "played small parts in {home}", "ran a small theatre in {home}", "directed \"{title}\" in {yr}",
            "taught young actors in {work}", "acted in more than thirty films|1895", "wrote sketches for the radio|1905",
            "returned to the stage in {yr}", "staged the first performance of \"{title}\" in {work}",
            "won a festival prize for \"{title}\"", "worked for a while in a circus"],
        "known": ["{his} part in \"{title}\"", "the film \"{title}\" ({yr})|1895", "{his} comic roles",
                  "{his} work with young actors", "{his} masks and puppets", "{his} tours of the provinces"],
    },
    "trade": {
        "share": 5, "women_from": 1840, "one_trade": True,
        "occupations": ["businessman:m", "businesswoman:w", "publisher", "shipowner", "clockmaker", "brewer", "banker",
                        "instrument maker", "bookbinder", "garden designer", "chef|1850", "fashion designer|1890",
                        "merchant", "bookseller"],
        "subjects": ["commerce", "accounting", "law", "bookkeeping"],
        "schools": ["a commercial school in {study}", "the business school in {study}"],
        "deeds": [
            "opened a workshop in {home} in {yr}", "founded a firm in {work}", "left £2,000 to a hospital",
            "took over {his} uncle's firm in {yr}", "ran a hotel in {home}", "exported tea from {work}",
            "wrote a memoir called \"{title}\"", "paid for the public library of {home}", "went bankrupt in {yr}",
            "supplied half the shops of {home}", "opened a branch in {work} in {yr}"],
        "known": ["{his} collection of maps", "{his} gifts to the poor", "{his} clocks", "{his} hotel in {work}",
                  "{his} garden in {home}", "the memoir \"{title}\""],
    },
}

# Book, song and picture titles: one of TITLES, or a pattern filled from TITLE_ADJECTIVES and TITLE_NOUNS.
TITLES = ["Who Is There?", "What Now?", "Is Anybody Home?", "How Far & How Long", "Yes/No", "Why We Sang",
          "Three Letters", "Never on Monday", "A Fine Day Out", "Against the Current"]
TITLE_PATTERNS = ["The {adj} {noun}", "{adj} {nouns}", "The {noun} and the {other}", "{A_adj} {noun}",
                  "The {noun}'s {other}", "The Last {noun}", "Song of the {noun}", "{nouns} & {others}",
                  "The Year of the {noun}", "No {noun}, No {other}"]
TITLE_ADJECTIVES = """Silent Quiet Green White Bitter Broken Burning Cold Distant Empty Foreign Gentle Golden Hidden
Long Lonely Narrow New Northern Open Pale Paper Patient Red Salt Second Secret Simple Slow Southern Stolen Sudden
Tall Winter Wooden""".split()
TITLE_NOUNS = """Anchor Apple Arrow Bell Boat Bridge Candle Castle Clock Cloud Door Drum Feather Ferry Field Fountain
Garden Gate Ghost Hammer Harbour Heron Horse Island Kettle King Ladder Lamp Lantern Letter Lighthouse Meadow Mill
Mirror Mountain Needle Orchard Oyster Pilot Queen Raven River Road Sailor Shadow Shore Stone Storm Stranger Swallow
Tower Traveller Valley Violin Well Window""".split()

# --- The full set: families, schooling, and what follows -------------------------------------------------------

PARENTS = """baker blacksmith bookseller bricklayer carpenter clerk clockmaker doctor farmer fisherman gardener
grocer innkeeper joiner judge lawyer merchant miller miner organist painter pharmacist printer sailor schoolteacher
shoemaker shopkeeper soldier stonemason tailor teacher watchmaker weaver""".split()
FAMILIES = ["the {child} of {a_parent}", "the {child} of {a_parent} and a nurse", "the youngest of {n} children",
            "the eldest of {n} children", "the only {child} of {a_parent}", "the {child} of {father}",
            "the second {child} of {a_parent}", "of {nat2} parents", "the {child} of {a_parent} from {home}"]
FEW = ["two", "three", "four", "five"]
NUMBERS = ["three", "four", "five", "six", "seven", "eight", "nine", "ten"]

# What someone did, as a phrase that follows the name.
PATHS = [
    "studied {subject} at {school}", "studied {subject} at {school} and {deed}", "became {a_occ}",
    "became {a_occ} and {deed}", "{deed}", "{deed}", "{deed} and {deed2}", "moved to {home} in {yr}",
    "moved to {home} in {yr} and {deed_alone}", "trained as {a_parent} before becoming {a_occ}",
    "worked in {home} as {a_occ}", "settled in {home} in {yr}", "was educated in {study}",
    "was educated in {study} and {work}", "spent much of {his} life in {home}", "studied {subject} in {study}",
    "left school at fourteen and {deed_alone}", "began {his} career in {work}",
    "took {his} first lessons from {his} {relative}", "worked as {a_parent} until {yr}",
]
KINSMEN = ["father", "grandfather", "uncle", "elder brother"]
RELATIVES = ["uncle", "aunt", "mother", "father", "grandfather", "grandmother", "elder sister", "elder brother"]

# What may follow "NAME is a painter"; the empty one is frequent.
TAILS = ["", "", "", " who {deed}", " who {deed} and {deed2}", ", known for {known}", ", best known for {known}",
         " and {occ2}", ", {occ2} and {occ3}", " who {deed} and is known for {known}", " and the author of \"{title}\""]

# What may follow the sentence, and for whom: "any", "living" or "dead". Those that are drawn keep this order.
MORES = [
    ("any", " {His} {kinsman} was {a_parent}."), ("any", " {His} {relative} came from {grave}."),
    ("any", " {He} studied {subject} in {study}."), ("any", " {He} {deed3}."), ("any", " {He} {deed4}."),
    ("any", " {He} {deed5}."), ("any", " {He} worked in {home} until {end}."), ("any", " {He} retired in {end}."),
    ("dead", " {He} had {few} children."), ("dead", " {He} never married."),
    ("living", " {He} is married and lives near {work}."), ("living", " {He} speaks {few} languages."),
    ("living", " {He} divides {his} time between {home} and {work}."), ("living", " {He} lives in {home}."),
    ("dead", " {He} died in {grave}."), ("dead", " {He} died in {grave} in {dy}."),
    ("dead", " {He} is remembered for {known}."), ("dead", " {His} papers are in {work}."),
]

# --- The full set: sentence plans ------------------------------------------------------------------------------
# "any", "living" or "dead" says for whom a plan is. Dates: b, bday (always with day and month), by; d, dy.
# where is the place with its region or country and so needs a comma, a bracket or a stop after it; place stands
# alone. is turns to "was" for the dead. A plan of BORN should tell the birthplace early; LATE ones tell it at the
# end of a long sentence; SILENT ones not at all.

BORN = [
    ("any", "{name} (born {b} in {where}) {is} {a_nat} {occ}{tail}."),
    ("any", "{name} (born {b} in {where}) {is} {a_nat} {occ}{tail}."),
    ("living", "{name} (born {b}, {where}) is {a_nat} {occ}{tail}."),
    ("any", "{name} (b. {b}, {where}) {is} {a_nat} {occ}{tail}."),
    ("any", "{name}, born {b} in {where}, {is} {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b} {where} - {d} {grave}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b}, {where} - {d}, {grave}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b} in {where} -- {d} in {grave}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} (born {b} in {where}; died {d} in {grave}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b}, {where} \u2013 {d}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({where}, {by} - {grave}, {dy}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({place} {by}-{dy}) was {a_nat} {occ}{tail}."),
    ("any", "{name} (born in {by} in {where}), known as \"{nick}\", {is} {a_nat} {occ}{tail}."),
    ("any", "{Last} was born in {place} on {bday}, {family}."),
    ("any", "{Last} was born at {place} in {by}, {family}, and {path}."),
    ("any", "{Last} was born at {place} on {bday}."),
    ("any", "{name} was born on {bday} in {where}, and {path}."),
    ("any", "{name} was born in {place} in {by} and {path}."),
    ("any", "{name} was born and raised in {where}, and {path}."),
    ("any", "{name} was born in {place} but grew up in {home}, where {he} {deed_alone}."),
    ("any", "Born in {where}, {last} {path}."),
    ("any", "Born in {where}, {last} {path}."),
    ("any", "Born in {place} in {by}, {last} {path}."),
    ("any", "Born {family} in {where}, {last} {path}."),
    ("any", "Born on {bday} in {where}, {name} {path}."),
    ("any", "Born and educated in {place}, {last} {path}."),
    ("any", "Although born in {place}, {last} spent most of {his} life in {home}, where {he} {deed_alone}."),
    ("any", "{name} {is} {a_nat} {occ} born in {where}{comma_tail}."),
    ("any", "{name} {is} {a_nat} {occ}{tail}, and was born in {place} in {by}."),
    ("living", "{name} is {a_nat} {occ}, born in {place} and based in {home}."),
    ("living", "{name} is {a_occ} who was born in {place} and now lives in {home}."),
    ("living", "{name} is {a_occ} born {bday} in {where}, and currently living in {home}."),
    ("any", "A native of {where}, {last} {path}."),
    ("any", "{name}, a native of {where}, {path}."),
    ("any", "{name} {is} a native of {place} who {path}."),
    ("any", "{name} {is} {a_place}-born {occ}{tail}."),
    ("any", "The {place}-born {occ} {name} {path}."),
    ("any", "{A_place}-born {occ}, {last} {path}."),
    ("any", "The {child} of {a_parent} in {where}, {last} was born on {bday}."),
    ("any", "{name}, {family}, was born in {place} in {by}."),
    ("any", "{Last}, who was born in {place}, {path}."),
    ("any", "{name}, born in {place} on {bday}, {path}."),
    ("any", "It was in {place} that {last} was born in {by}; {he} {path}."),
    ("living", "{name} hails from {where}, where {he} was born in {by}."),
    ("any", "{name} {comes} from {where}, where {he} was born on {bday}."),
    ("any", "The {nat} {occ} {name} was born in {where}, and {path}."),
    ("any", "Born to {nat2} parents in {where}, {last} {path}."),
    ("any", "One of {n} children, {last} was born in {place} on {bday}."),
    ("any", "{Last}'s parents lived in {place} when {he} was born in {by}, but moved to {home} soon afterwards."),
    ("any", "{name} left {his} native {place} for {home} in {yr} and {deed_alone}."),
    ("any", "From {his} birthplace, {where}, {last} moved to {home}, where {he} {deed_alone}."),
    ("any", "{place} was the birthplace of {name}, {a_nat} {occ}{tail}."),
    ("dead", "{name}, whose life began in {place} and ended in {grave}, was {a_nat} {occ}{tail}."),
    ("dead", "{name} (died {d} in {grave}) was {a_nat} {occ} born in {where}{comma_tail}."),
    ("dead", "{name} died in {grave} in {dy}, far from {place}, where {he} was born."),
    ("dead", "{name}, {a_nat} {occ}, was born in {place} in {by} and died in {grave} in {dy}."),
    ("any", "A graduate of {school}, {last} was born in {place} in {by}."),
    ("any", "The career of {name}, born in {place} on {bday}, began in {work}."),
    ("any", "{name} was born in {where}, and studied {subject} at {school}."),
    ("any", "In {by} {last} was born in {where}, {family}."),
    ("any", "{name} ({occ}; born {b}, {where}) {path}."),
    ("any", "According to the register of births, {name} was born in {place} on {bday}."),
]

LATE = [
    ("any", "{name} {is} {a_nat} {occ} who {deed}, {deed2} and {deed3}; {he} was born in {where}."),
    ("any", "{name} studied {subject} at {school}, worked in {home} as {a_occ} and {deed}; {he} was born in {place}."),
    ("any", "Little is known about the early years of {last}, who {deed} and {deed2}, except that {he} was born in "
            "{place} in {by}."),
    ("any", "A note printed with {his} \"{title}\" in {yr} says that {name}, {a_nat} {occ} who {deed}, was born in "
            "{where}."),
    ("any", "Best known for {known}, {last} {deed} and {deed2} before {he} returned to {place}, the place of {his} "
            "birth."),
    ("any", "{name} {is} {a_nat} {occ} and {occ2} who {deed}. {His} {kinsman}, {a_parent}, lived in {place}, where "
            "{name} was born in {by}."),
    ("dead", "{name} ({by} - {dy}) was {a_nat} {occ} who {deed}, and is known for {known}. {Last} was born in "
             "{where}."),
]

SILENT = [
    ("any", "{name} {is} {a_nat} {occ}{tail}."),
    ("living", "{name} (born {b}) is {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b} \u2013 {d}) was {a_nat} {occ}{tail}."),
    ("dead", "{name} ({b} -- {d}, {grave}) was {a_nat} {occ}{tail}."),
    ("any", "{Last} {path}."),
    ("any", "{name} studied {subject} in {study} and {deed}."),
    ("any", "In {yr} {last} moved to {home}, where {he} {deed_alone}."),
    ("any", "{Last} is best known for {known}."),
]

NICKNAMES = ["Red", "the Fox", "the Lark", "the Swallow", "Sunny", "the Professor", "Ace", "the Owl", "Skip", "Dusty",
             "Lucky", "the Little Giant"]
