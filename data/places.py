"""Real places, from London down to towns that occur once or twice, with region, country and first plausible year.
`PLACES` lists them in tiers of falling weight, `LAPTOP_PLACES` names the forty of the small world,
`COUNTRIES` gives each country its adjective, `HOMES` the countries of each language. Read by generate.py."""

# country -> (adjective, how a biography may write it after a city, year from which the state's name is used)
COUNTRIES = {
    "England": ("English", "England", 0), "Scotland": ("Scottish", "Scotland", 0), "Wales": ("Welsh", "Wales", 0),
    "Northern Ireland": ("Northern Irish", "Northern Ireland", 1922), "Ireland": ("Irish", "Ireland", 0),
    "United States": ("American", "USA", 0), "Canada": ("Canadian", "Canada", 0),
    "Australia": ("Australian", "Australia", 0), "New Zealand": ("New Zealand", "New Zealand", 1840),
    "South Africa": ("South African", "South Africa", 1910), "France": ("French", "France", 0),
    "Belgium": ("Belgian", "Belgium", 1830), "Netherlands": ("Dutch", "Netherlands", 0),
    "Germany": ("German", "Germany", 0), "Austria": ("Austrian", "Austria", 0),
    "Switzerland": ("Swiss", "Switzerland", 0), "Italy": ("Italian", "Italy", 0), "Spain": ("Spanish", "Spain", 0),
    "Portugal": ("Portuguese", "Portugal", 0), "Denmark": ("Danish", "Denmark", 0), "Norway": ("Norwegian", "Norway", 0),
    "Sweden": ("Swedish", "Sweden", 0), "Finland": ("Finnish", "Finland", 0), "Iceland": ("Icelandic", "Iceland", 0),
    "Poland": ("Polish", "Poland", 0), "Czech Republic": ("Czech", "Bohemia", 0), "Slovakia": ("Slovak", "Slovakia", 1918),
    "Hungary": ("Hungarian", "Hungary", 0), "Romania": ("Romanian", "Romania", 1860),
    "Bulgaria": ("Bulgarian", "Bulgaria", 1878), "Serbia": ("Serbian", "Serbia", 0), "Croatia": ("Croatian", "Croatia", 0),
    "Slovenia": ("Slovenian", "Slovenia", 1918), "Greece": ("Greek", "Greece", 0), "Turkey": ("Turkish", "Turkey", 0),
    "Russia": ("Russian", "Russia", 0), "Ukraine": ("Ukrainian", "Ukraine", 1917), "Latvia": ("Latvian", "Latvia", 1918),
    "Lithuania": ("Lithuanian", "Lithuania", 1918), "Estonia": ("Estonian", "Estonia", 1918),
    "Georgia": ("Georgian", "Georgia", 1918), "Armenia": ("Armenian", "Armenia", 1918),
    "Egypt": ("Egyptian", "Egypt", 0), "Lebanon": ("Lebanese", "Lebanon", 1920), "Syria": ("Syrian", "Syria", 1920),
    "Iraq": ("Iraqi", "Iraq", 1921), "Iran": ("Iranian", "Iran", 1935), "Israel": ("Israeli", "Israel", 1948),
    "Tunisia": ("Tunisian", "Tunisia", 0), "Morocco": ("Moroccan", "Morocco", 0), "Algeria": ("Algerian", "Algeria", 0),
    "Nigeria": ("Nigerian", "Nigeria", 1914), "Ghana": ("Ghanaian", "Ghana", 1957), "Kenya": ("Kenyan", "Kenya", 1920),
    "Ethiopia": ("Ethiopian", "Ethiopia", 0), "Uganda": ("Ugandan", "Uganda", 1894),
    "Zimbabwe": ("Zimbabwean", "Zimbabwe", 1980), "India": ("Indian", "India", 0),
    "Pakistan": ("Pakistani", "Pakistan", 1947), "Bangladesh": ("Bangladeshi", "Bangladesh", 1971),
    "Sri Lanka": ("Sri Lankan", "Sri Lanka", 1972), "Nepal": ("Nepalese", "Nepal", 0),
    "Japan": ("Japanese", "Japan", 0), "China": ("Chinese", "China", 0), "Taiwan": ("Taiwanese", "Taiwan", 1945),
    "South Korea": ("South Korean", "South Korea", 1948), "Philippines": ("Filipino", "Philippines", 1898),
    "Indonesia": ("Indonesian", "Indonesia", 1945), "Malaysia": ("Malaysian", "Malaysia", 1963),
    "Thailand": ("Thai", "Thailand", 1939), "Vietnam": ("Vietnamese", "Vietnam", 1945),
    "Argentina": ("Argentine", "Argentina", 1816), "Brazil": ("Brazilian", "Brazil", 0), "Chile": ("Chilean", "Chile", 1818),
    "Peru": ("Peruvian", "Peru", 1821), "Colombia": ("Colombian", "Colombia", 1863),
    "Venezuela": ("Venezuelan", "Venezuela", 1830), "Uruguay": ("Uruguayan", "Uruguay", 1828),
    "Bolivia": ("Bolivian", "Bolivia", 1825), "Ecuador": ("Ecuadorian", "Ecuador", 1830),
    "Mexico": ("Mexican", "Mexico", 1821), "Cuba": ("Cuban", "Cuba", 1902), "Jamaica": ("Jamaican", "Jamaica", 0),
    "Trinidad": ("Trinidadian", "Trinidad", 0), "Barbados": ("Barbadian", "Barbados", 0),
}

# language of a name -> countries whose people often bear it
HOMES = {
    "English": ["England", "United States", "Australia", "Canada", "New Zealand", "Scotland", "Wales"],
    "Irish": ["Ireland", "Northern Ireland"], "French": ["France", "Belgium", "Canada"],
    "German": ["Germany", "Austria", "Switzerland"], "Italian": ["Italy"],
    "Spanish": ["Spain", "Argentina", "Mexico", "Chile", "Peru", "Colombia", "Cuba", "Uruguay", "Venezuela"],
    "Portuguese": ["Portugal", "Brazil"], "Dutch": ["Netherlands", "Belgium"],
    "Nordic": ["Norway", "Sweden", "Denmark", "Finland"], "Polish": ["Poland"], "Czech": ["Czech Republic"],
    "Hungarian": ["Hungary"], "Russian": ["Russia"], "Greek": ["Greece"], "Turkish": ["Turkey"],
    "Arabic": ["Egypt", "Lebanon", "Tunisia", "Morocco", "Syria", "Iraq", "Algeria"], "Indian": ["India"],
    "Japanese": ["Japan"], "Nigerian": ["Nigeria"],
}

# The small world: well-known cities with short names, in falling order of frequency after London.
LAPTOP_PLACES = """London Paris Rome Berlin Vienna Madrid Dublin Oslo Prague Warsaw Lisbon Athens Cairo Tokyo Turin
Boston Sydney Glasgow Chicago Toronto Moscow Naples Venice Geneva Munich Zurich Mumbai Delhi Havana Lima Osaka Seoul
Kyiv Riga Tunis Lagos Genoa Nairobi Accra Bristol""".split()

# (weight of each place of the tier, "place; region; country; first year" a line). A region may be empty;
# a missing year means the place is older than every person; a country among the places stands alone.
_TIERS = [
    (28, """
Paris;;France"""),
    (20, """
Chicago;Illinois;United States;1840
Berlin;;Germany
Rome;;Italy
Dublin;;Ireland
Toronto;Ontario;Canada;1834
Melbourne;Victoria;Australia;1840
Vienna;;Austria
Warsaw;;Poland
Glasgow;;Scotland
New York;;United States
Montreal;Quebec;Canada"""),
    (12, """
Sydney;New South Wales;Australia
Philadelphia;Pennsylvania;United States
Budapest;;Hungary;1873
Amsterdam;;Netherlands
Boston;Massachusetts;United States
Brooklyn;New York;United States
Copenhagen;;Denmark
Edinburgh;;Scotland
England;;England
Prague;;Czech Republic
Moscow;;Russia
Oslo;;Norway
Stockholm;;Sweden
Liverpool;;England
Manchester;;England
Birmingham;;England
Belfast;;Northern Ireland
Naples;;Italy
Tehran;;Iran
Shanghai;;China
Germany;;Germany
France;;France
Mumbai;;India
Tokyo;;Japan
Detroit;Michigan;United States;1815"""),
    (6, """
Milan;;Italy
Venice;;Italy
Florence;;Italy
Turin;;Italy
Genoa;;Italy
Madrid;;Spain
Barcelona;;Spain
Lisbon;;Portugal
Athens;;Greece
Istanbul;;Turkey
Cairo;;Egypt
Munich;Bavaria;Germany
Hamburg;;Germany
Leipzig;Saxony;Germany
Frankfurt;;Germany
Brussels;;Belgium
Zurich;;Switzerland
Geneva;;Switzerland
Belgrade;;Serbia
Bucharest;;Romania
Sofia;;Bulgaria
Helsinki;;Finland
Bristol;;England
Sheffield;Yorkshire;England
Leeds;Yorkshire;England
Cambridge;;England
Baltimore;Maryland;United States
Cleveland;Ohio;United States;1815
Pittsburgh;Pennsylvania;United States
Milwaukee;Wisconsin;United States;1846
Los Angeles;California;United States;1850
San Francisco;California;United States;1849
Vancouver;British Columbia;Canada;1886
Winnipeg;Manitoba;Canada;1873
Buenos Aires;;Argentina
Scotland;;Scotland
Ireland;;Ireland
Australia;;Australia
Jamaica;;Jamaica
India;;India
Kyiv;;Ukraine
Saint Petersburg;;Russia"""),
    (3, """
Nottingham;;England
Norwich;Norfolk;England
Leicester;;England
Newcastle;;England
Oxford;;England
Plymouth;Devon;England
Southampton;Hampshire;England
Portsmouth;Hampshire;England
Brighton;Sussex;England
Coventry;;England
Bradford;Yorkshire;England
Derby;;England
Durham;;England
Yorkshire;;England
Aberdeen;;Scotland
Dundee;;Scotland
Paisley;;Scotland
Cardiff;;Wales
Swansea;;Wales
Wales;;Wales
Cork;;Ireland
Limerick;;Ireland
Galway;;Ireland
Lyon;;France
Marseille;;France
Bordeaux;;France
Strasbourg;Alsace;France
Toulouse;;France
Antwerp;;Belgium
Ghent;;Belgium
Rotterdam;;Netherlands
Utrecht;;Netherlands
The Hague;;Netherlands
Cologne;;Germany
Dresden;Saxony;Germany
Stuttgart;;Germany
Hanover;;Germany
Nuremberg;Bavaria;Germany
Graz;Styria;Austria
Salzburg;;Austria
Basel;;Switzerland
Bologna;;Italy
Palermo;Sicily;Italy
Verona;;Italy
Trieste;;Italy
Seville;;Spain
Valencia;;Spain
Porto;;Portugal
Bergen;;Norway
Trondheim;;Norway
Gothenburg;;Sweden
Aarhus;;Denmark
Lodz;;Poland
Poznan;;Poland
Brno;Moravia;Czech Republic
Debrecen;;Hungary
Zagreb;;Croatia
Ljubljana;;Slovenia
Riga;;Latvia
Vilnius;;Lithuania
Tallinn;;Estonia
Odessa;;Ukraine;1794
Tbilisi;;Georgia
Thessaloniki;;Greece
Ankara;;Turkey
Izmir;;Turkey
Beirut;;Lebanon
Damascus;;Syria
Baghdad;;Iraq
Tunis;;Tunisia
Casablanca;;Morocco
Lagos;;Nigeria
Nairobi;;Kenya;1900
Johannesburg;;South Africa;1887
Cape Town;;South Africa
Delhi;;India
Calcutta;Bengal;India
Madras;;India
Lahore;Punjab;Pakistan
Karachi;;Pakistan
Beijing;;China
Hong Kong;;China
Seoul;;South Korea
Osaka;;Japan
Manila;;Philippines
Auckland;;New Zealand;1841
Wellington;;New Zealand;1841
Adelaide;South Australia;Australia;1837
Brisbane;Queensland;Australia;1842
Perth;Western Australia;Australia;1832
Mexico City;;Mexico
Havana;;Cuba
Lima;;Peru
Santiago;;Chile
Montevideo;;Uruguay
Caracas;;Venezuela
Ottawa;Ontario;Canada;1855
Calgary;Alberta;Canada;1884
Edmonton;Alberta;Canada;1892
St. Louis;Missouri;United States
Cincinnati;Ohio;United States
Rochester;New York;United States;1822
Syracuse;New York;United States;1825
Newark;New Jersey;United States
New Orleans;Louisiana;United States
Minneapolis;Minnesota;United States;1858
Dallas;Texas;United States;1856
Houston;Texas;United States;1837
Seattle;Washington;United States;1869
Denver;Colorado;United States;1861
Virginia;;United States
California;;United States;1850
Illinois;;United States;1818
Poland;;Poland
Sweden;;Sweden
Canada;;Canada
Italy;;Italy"""),
    (1, """
Exeter;Devon;England
Gloucester;;England
Worcester;;England
Hereford;;England
Lincoln;;England
Grimsby;Lincolnshire;England
Ipswich;Suffolk;England
Colchester;Essex;England
Canterbury;Kent;England
Dover;Kent;England
Salisbury;Wiltshire;England
Winchester;Hampshire;England
Northampton;;England
Peterborough;;England
Wolverhampton;;England
Walsall;;England
Preston;Lancashire;England
Bolton;Lancashire;England
Blackpool;Lancashire;England
Lancaster;;England
Carlisle;Cumberland;England
Sunderland;;England
Middlesbrough;;England
Huddersfield;Yorkshire;England
Wakefield;Yorkshire;England
Rotherham;Yorkshire;England
Scarborough;Yorkshire;England
Cornwall;;England
Penzance;Cornwall;England
Inverness;;Scotland
Stirling;;Scotland
Greenock;;Scotland
Aberystwyth;;Wales
Waterford;;Ireland
Kilkenny;;Ireland
Nantes;;France
Rouen;Normandy;France
Lille;;France
Rennes;Brittany;France
Grenoble;;France
Dijon;Burgundy;France
Reims;;France
Metz;Lorraine;France
Montpellier;;France
Avignon;;France
Toulon;;France
Brest;Brittany;France
Bruges;;Belgium
Leuven;;Belgium
Haarlem;;Netherlands
Leiden;;Netherlands
Delft;;Netherlands
Groningen;;Netherlands
Maastricht;;Netherlands
Eindhoven;;Netherlands
Bremen;;Germany
Kiel;;Germany
Rostock;;Germany
Magdeburg;;Germany
Kassel;;Germany
Mainz;;Germany
Heidelberg;;Germany
Freiburg;;Germany
Augsburg;Bavaria;Germany
Aachen;;Germany
Dortmund;;Germany
Potsdam;Brandenburg;Germany
Linz;;Austria
Innsbruck;Tyrol;Austria
Lausanne;;Switzerland
Lucerne;;Switzerland
Winterthur;;Switzerland
Bergamo;Lombardy;Italy
Padua;;Italy
Parma;;Italy
Ferrara;;Italy
Ravenna;;Italy
Siena;Tuscany;Italy
Bari;Apulia;Italy
Catania;Sicily;Italy
Cagliari;Sardinia;Italy
Sicily;;Italy
Bilbao;;Spain
Granada;Andalusia;Spain
Malaga;Andalusia;Spain
Zaragoza;Aragon;Spain
Salamanca;;Spain
Valladolid;;Spain
Oviedo;Asturias;Spain
Coimbra;;Portugal
Funchal;Madeira;Portugal
Stavanger;;Norway
Kristiansand;;Norway
Uppsala;;Sweden
Malmo;Scania;Sweden
Odense;;Denmark
Aalborg;;Denmark
Turku;;Finland
Tampere;;Finland
Reykjavik;;Iceland
Gdansk;;Poland
Wroclaw;Silesia;Poland
Lublin;;Poland
Torun;;Poland
Katowice;Silesia;Poland
Pilsen;;Czech Republic
Olomouc;Moravia;Czech Republic
Ostrava;Moravia;Czech Republic
Bratislava;;Slovakia
Szeged;;Hungary
Pecs;;Hungary
Miskolc;;Hungary
Timisoara;;Romania
Cluj;Transylvania;Romania
Plovdiv;;Bulgaria
Varna;;Bulgaria
Novi Sad;;Serbia
Dubrovnik;;Croatia
Rijeka;;Croatia
Maribor;;Slovenia
Patras;;Greece
Heraklion;Crete;Greece
Corfu;;Greece
Bursa;;Turkey
Adana;;Turkey
Konya;;Turkey
Omsk;;Russia
Tomsk;;Russia
Yaroslavl;;Russia
Lviv;Galicia;Ukraine
Kharkiv;;Ukraine
Kaunas;;Lithuania
Tartu;;Estonia
Yerevan;;Armenia
Alexandria;;Egypt
Aleppo;;Syria
Tripoli;;Lebanon
Basra;;Iraq
Isfahan;;Iran
Shiraz;;Iran
Tabriz;;Iran
Haifa;;Israel
Marrakesh;;Morocco
Tangier;;Morocco
Algiers;;Algeria
Ibadan;;Nigeria
Abeokuta;;Nigeria
Enugu;;Nigeria;1917
Calabar;;Nigeria
Accra;;Ghana
Kumasi;;Ghana
Mombasa;;Kenya
Kampala;;Uganda
Addis Ababa;;Ethiopia;1890
Harare;;Zimbabwe;1897
Durban;Natal;South Africa;1840
Pretoria;Transvaal;South Africa;1860
Bangalore;;India
Hyderabad;;India
Pune;;India
Lucknow;;India
Jaipur;;India
Varanasi;;India
Mysore;;India
Rawalpindi;Punjab;Pakistan
Peshawar;;Pakistan
Dhaka;;Bangladesh
Colombo;;Sri Lanka
Kathmandu;;Nepal
Nanjing;;China
Tianjin;;China
Harbin;;China;1900
Taipei;;Taiwan
Kyoto;;Japan
Nagoya;;Japan
Sendai;;Japan
Sapporo;Hokkaido;Japan;1875
Nagasaki;;Japan
Hiroshima;;Japan
Busan;;South Korea
Jakarta;;Indonesia
Penang;;Malaysia
Bangkok;;Thailand
Hanoi;;Vietnam
Christchurch;;New Zealand;1852
Dunedin;;New Zealand;1850
Hobart;Tasmania;Australia;1815
Ballarat;Victoria;Australia;1853
Geelong;Victoria;Australia;1842
Cordoba;;Argentina
Rosario;;Argentina
Sao Paulo;;Brazil
Rio de Janeiro;;Brazil
Recife;;Brazil
Guadalajara;;Mexico
Monterrey;;Mexico
Valparaiso;;Chile
Arequipa;;Peru
Bogota;;Colombia
Medellin;;Colombia
Quito;;Ecuador
La Paz;;Bolivia
Bridgetown;;Barbados
Kingston;;Jamaica
Barbados;;Barbados
Quebec;;Canada
St. John's;Newfoundland;Canada
Saskatoon;Saskatchewan;Canada;1890
Moncton;New Brunswick;Canada;1855
Windsor;Ontario;Canada
Sudbury;Ontario;Canada;1890
Buffalo;New York;United States;1815
Albany;New York;United States
Utica;New York;United States
Hartford;Connecticut;United States
New Haven;Connecticut;United States
Providence;Rhode Island;United States
Portland;Oregon;United States;1851
Salem;Massachusetts;United States
Scranton;Pennsylvania;United States;1856
Erie;Pennsylvania;United States
Richmond;Virginia;United States
Norfolk;Virginia;United States
Charleston;South Carolina;United States
Savannah;Georgia;United States
Atlanta;Georgia;United States;1848
Miami;Florida;United States;1897
Tampa;Florida;United States;1856
Nashville;Tennessee;United States
Memphis;Tennessee;United States;1827
Louisville;Kentucky;United States
Columbus;Ohio;United States;1817
Dayton;Ohio;United States;1806
Peoria;Illinois;United States;1836
Des Moines;Iowa;United States;1852
Omaha;Nebraska;United States;1855
Kansas City;Missouri;United States;1854
Tulsa;Oklahoma;United States;1899
San Antonio;Texas;United States
El Paso;Texas;United States;1860
Phoenix;Arizona;United States;1869
Tucson;Arizona;United States;1860
Santa Fe;New Mexico;United States
Salt Lake City;Utah;United States;1848
Sacramento;California;United States;1850
Oakland;California;United States;1853
San Diego;California;United States;1850
Spokane;Washington;United States;1882
Honolulu;Hawaii;United States
Texas;;United States;1845
Ohio;;United States;1803
Kentucky;;United States;1792
Alabama;;United States;1819
Tennessee;;United States;1796
Spain;;Spain
Austria;;Austria
Norway;;Norway
Greece;;Greece
China;;China
Japan;;Japan
Russia;;Russia
Egypt;;Egypt
Nigeria;;Nigeria
Kenya;;Kenya
Ghana;;Ghana
Pakistan;;Pakistan
Lebanon;;Lebanon
Israel;;Israel
Colombia;;Colombia
Peru;;Peru
Chile;;Chile"""),
]


class Place:
    """One place: its name, the region or country written after it, its country, the first year it can be used."""

    def __init__(self, line, weight):
        parts = [part.strip() for part in line.split(";")] + [""]
        self.name, self.region, self.country = parts[:3]
        self.since = int(parts[3] or 0)
        self.weight = weight
        self.is_city = self.name not in COUNTRIES and self.name not in _REGIONS
        if self.name in COUNTRIES:
            self.since = max(self.since, COUNTRIES[self.name][2])


_REGIONS = {"Yorkshire", "Cornwall", "Sicily", "Virginia", "California", "Illinois", "Texas", "Ohio", "Kentucky",
            "Alabama", "Tennessee"}
LONDON = Place("London;;England", 28)     # the weight counts where it is not the birthplace
PLACES = [Place(line, weight) for weight, lines in _TIERS for line in lines.strip().split("\n")]
