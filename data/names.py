"""Given names and surnames of nineteen languages, the raw material for invented people.
`LANGUAGES` maps a language to its lists, `surname_for` gives a surname its form for a woman or a man,
and `native_form` spells some names in their own script. Read by generate.py; holds no chance and no sizes."""


def _list(text):
    return [item.strip() for item in text.replace("\n", " ").split(",") if item.strip()]


# language -> (share of all people, women's given names, men's given names, surnames)
_RAW = {
    "English": (26, """
Abigail, Ada, Agnes, Alice, Amelia, Annabel, Audrey, Barbara, Beatrice, Brenda, Cecily, Clara, Cynthia, Daphne,
Deborah, Dorothy, Edith, Eleanor, Emily, Esther, Evelyn, Gillian, Gwendolyn, Harriet, Hazel, Heather, Imogen,
Ivy, Jessica, Joan, Judith, Kathleen, Laura, Lydia, Mabel, Marjorie, Mildred, Muriel, Nancy, Olive, Pamela, Phoebe,
Rosalind, Ruth, Sheila, Susannah, Tabitha, Ursula, Winifred""", """
Albert, Alfred, Ambrose, Archibald, Arthur, Basil, Benjamin, Cedric, Clement, Clifford, Cuthbert, Daniel, Desmond,
Douglas, Edgar, Edmund, Ernest, Felix, Francis, Frederick, Gerald, Gilbert, Graham, Harold, Henry, Herbert, Hugh,
Isaac, Jasper, Jonathan, Kenneth, Leonard, Lionel, Malcolm, Matthew, Nathaniel, Nigel, Oliver, Oswald, Percy, Ralph,
Rupert, Samuel, Silas, Theodore, Toby, Vincent, Walter, Wilfred""", """
Abbott, Ackroyd, Alderson, Appleby, Ashcroft, Atherton, Bagshaw, Barlow, Beckett, Bickford, Birtwhistle, Blackwood,
Bramley, Brockway, Buckley, Bullock, Burnham, Cartwright, Chadwick, Clegg, Colby, Copeland, Cotterill, Crabtree,
Cranston, Crowther, Dalby, Dawlish, Denholm, Dixon, Drummond, Duckworth, Eastwick, Eccles, Edgerton, Ellwood, Fairfax,
Farnham, Fenwick, Fletcher, Fothergill, Gadsby, Garside, Gatsford, Goodwin, Grimshaw, Hale, Halliday, Hargreave,
Haycock, Heathcote, Hobson, Holloway, Hopkirk, Huxtable, Ingleby, Ironside, Jessop, Keating, Kendrick, Kirkbride,
Lambert, Langley, Larkin, Lockwood, Loxley, Maddox, Marlow, Mayhew, Merrick, Millward, Mortlake, Nettleship, Newbold,
Norwood, Oakley, Ogden, Osgood, Padgett, Parfitt, Peabody, Pembroke, Pickering, Plumtree, Pritchard, Quincey,
Radcliffe, Ramsden, Redfern, Rigby, Rowbotham, Rushworth, Sallow, Satterfield, Seagrave, Sedgwick, Shelton, Skelton,
Snowden, Southgate, Spooner, Stanhope, Sutcliffe, Swindell, Tattersall, Thackray, Thornbury, Tilney, Treadwell,
Trelawney, Underhill, Upjohn, Verney, Wadsworth, Wainscott, Walmsley, Warburton, Weatherby, Wetherell, Whitlock,
Wickham, Wigglesworth, Winstanley, Woodruff, Wragg, Yardley, Yelland"""),
    "Irish": (5, """
Aisling, Aoife, Bríd, Caitlín, Ciara, Clodagh, Deirdre, Eileen, Eithne, Fidelma, Fionnuala, Gráinne, Gobnait, Imelda,
Kathleen, Maeve, Máire, Maura, Moira, Muireann, Niamh, Nóra, Nuala, Oonagh, Orla, Peigín, Róisín, Saoirse, Sinéad,
Siobhán, Sorcha, Una""", """
Aidan, Brendan, Cathal, Cian, Ciarán, Colm, Conor, Cormac, Dáithí, Declan, Dermot, Diarmuid, Donal, Eamon, Eoin,
Fergal, Fergus, Fintan, Fiachra, Kieran, Lorcan, Malachy, Manus, Niall, Oisín, Padraig, Phelim, Ronan, Ruairí,
Seamus, Tadhg, Turlough""", """
Ahearne, Boland, Brannigan, Breslin, Broderick, Cassidy, Clancy, Coleman, Colgan, Comerford, Conneely, Corrigan,
Cosgrave, Coughlan, Crilly, Cullinane, Curtin, Daly, Devane, Devlin, Dillon, Doherty, Donnellan, Dooley, Doyle,
Driscoll, Egan, Fahey, Fallon, Finnegan, Flaherty, Flanagan, Foley, Gallagher, Garvey, Geraghty, Gilhooly, Gilligan,
Halloran, Hanrahan, Hegarty, Hennessy, Heffernan, Hogan, Horgan, Keenan, Kehoe, Kilbride, Kinsella, Lafferty, Loughrey,
Lynagh, Madigan, Maguire, Mannion, McAuliffe, McCabe, McDermott, McGinley, McGrath, McHugh, McLoughlin, McNulty,
McSweeney, Molloy, Moriarty, Mulcahy, Mulligan, Murtagh, Nolan, Nugent, O'Brien, O'Dowd, O'Grady, O'Mahony, O'Rourke,
O'Sullivan, Phelan, Quigley, Quinlan, Rafferty, Rafter, Scanlon, Sheehy, Tierney, Tuohy, Twomey"""),
    "French": (8, """
Adèle, Agathe, Amandine, Anaïs, Aurélie, Béatrice, Bernadette, Cécile, Céline, Chantal, Clémence, Colette, Delphine,
Édith, Éloïse, Émilie, Fabienne, Françoise, Geneviève, Ghislaine, Hélène, Henriette, Honorine, Inès, Jacqueline,
Joséphine, Juliette, Léonie, Madeleine, Margaux, Mathilde, Noémie, Odette, Solange, Sylvie, Yvonne""", """
Adrien, Alphonse, Anatole, Armand, Aurélien, Baptiste, Bastien, Benoît, Blaise, Christophe, Cyprien, Damien, Édouard,
Émile, Étienne, Eugène, Fabrice, Firmin, François, Gaston, Gérard, Gilles, Guillaume, Gustave, Honoré, Hippolyte,
Jérôme, Julien, Laurent, Léopold, Marcel, Maxime, Octave, Pascal, Raoul, Rémi, Sylvain, Théophile, Thierry, Yves""", """
Archambault, Arnoux, Aubry, Bachelier, Barbeau, Barthélemy, Baudry, Beauchamp, Beaulieu, Bellanger, Besson, Bigot,
Blanchard, Boisvert, Bonnefoy, Boucher, Bourgeois, Bouvier, Brunel, Cadieux, Carpentier, Cazenave, Chaput, Charpentier,
Chauvin, Chevalier, Clavel, Corbin, Coulon, Courtois, Dampierre, Daubigny, Delacourt, Delaunay, Desjardins,
Desrosiers, Devereux, Dufresne, Dumoulin, Duplessis, Fabre, Ferrand, Fontaine, Fournier, Gagneux, Garnier,
Gauthier, Giraud, Gosselin, Guérin, Hébert, Houdin, Jacquemin, Jolivet, Jourdain, Labrousse, Lachance, Lacroix,
Lamoureux, Langlois, Laroche, Lavigne, Leblanc, Lecomte, Lefèvre, Legrand, Lemaître, Leroux, Levasseur,
Maillard, Marchand, Marquet, Mercier, Michaud, Moreau, Naudin, Paquet, Pelletier, Perrault, Picard, Poirier, Prévost,
Quesnel, Renaud, Rivière, Rousselot, Sauvage, Tessier, Thibault, Vaillant, Vasseur, Verdier, Vigneron"""),
    "German": (8, """
Adelheid, Annegret, Antje, Bärbel, Birgit, Brunhilde, Christa, Dagmar, Dorothea, Edeltraud, Elfriede, Elke, Erika,
Friederike, Gerda, Gisela, Gudrun, Hannelore, Heike, Helga, Hildegard, Ilse, Ingeborg, Irmgard, Jutta, Karoline,
Katharina, Liesel, Lieselotte, Mathilde, Mechthild, Renate, Rosemarie, Sieglinde, Ulrike, Waltraud""", """
Albrecht, Anselm, Arno, Bernhard, Burkhard, Carsten, Christoph, Dieter, Dietrich, Eberhard, Eckhart, Ernst, Ewald,
Florian, Friedrich, Georg, Gerhard, Gottfried, Gregor, Günther, Hartmut, Heinrich, Helmut, Hermann, Horst, Jochen,
Jürgen, Klaus, Konrad, Lothar, Ludwig, Manfred, Norbert, Ottokar, Reinhard, Rüdiger, Siegfried, Uwe, Volker, Wolfgang""", """
Achenbach, Althaus, Ansorge, Bachmann, Baumgarten, Bergmann, Biermann, Blumenthal, Bockelmann, Brandt, Braunschmidt,
Buchholz, Burgstaller, Dachsel, Degenhardt, Dornbusch, Dreyer, Ebersbach, Eichhorn, Engelhardt, Falkenrath, Feldkamp,
Fiedler, Fleischer, Friedemann, Fuchsberg, Geiger, Gerlach, Goldammer, Grabowsky, Grünwald, Haberland, Hagedorn,
Hartwig, Heidenreich, Hellwege, Hirschfeld, Hofstetter, Holzapfel, Huber, Jahnke, Kaltenbach, Kesselring, Kirchner,
Kleinschmidt, Klingemann, Knobloch, Köhler, Krautheim, Kühnert, Langenberg, Lehmann, Lichtenstern, Lindner, Löffler,
Maibaum, Mannheimer, Möller, Morgenroth, Mühlbauer, Nachtweh, Neubauer, Niemeyer, Oberländer, Osterkamp, Pfeiffer,
Pohlmann, Rademacher, Rautenberg, Reichelt, Rosenkranz, Rothfuß, Sauerbier, Schäfer, Scheffler, Schlegelmilch,
Schönherr, Schreiner, Schwarzkopf, Seidenfaden, Sommerfeld, Spengler, Steinhauer, Strauß, Tannhäuser, Trautmann,
Uhlig, Vogelsang, Wachsmuth, Wagenknecht, Weidenbach, Wiesinger, Winterstein, Wölfle, Zellweger, Zimmermann"""),
    "Italian": (7, """
Adriana, Agata, Alessia, Antonella, Bianca, Camilla, Carlotta, Caterina, Chiara, Cinzia, Concetta, Donatella, Elisabetta,
Eleonora, Federica, Fiorella, Gabriella, Ginevra, Giovanna, Giuseppina, Ilaria, Isotta, Letizia, Loredana, Lucrezia,
Margherita, Marisa, Nicoletta, Ornella, Paola, Raffaella, Rosaria, Serena, Silvana, Valentina, Viola""", """
Achille, Aldo, Alessio, Amedeo, Angelo, Arturo, Baldassare, Beppe, Bruno, Carmelo, Cesare, Corrado, Dario, Domenico,
Edoardo, Elio, Emanuele, Enzo, Ettore, Fabrizio, Filippo, Gaetano, Giacomo, Gianluca, Giorgio, Guido, Ippolito,
Leandro, Luigi, Marcello, Michele, Nino, Orazio, Paolo, Pietro, Raimondo, Salvatore, Silvio, Ugo, Vittorio""", """
Abbate, Accardi, Agostini, Alberghetti, Amato, Antonelli, Arrighi, Baldini, Barbieri, Bassani, Bellucci, Benedetti,
Bergamini, Bertolini, Bianchi, Bonaventura, Borghese, Brambilla, Bresciani, Cadorna, Calabrese, Campanella, Cantoni,
Capriolo, Carbone, Castellani, Cattaneo, Cavalcanti, Cecchini, Colonna, Conforti, Cornaro, D'Amico, D'Angelo, Damiani,
De Luca, De Santis, Di Marco, Donati, Esposito, Fabbri, Falcone, Ferraro, Fioravanti, Fontana, Fumagalli, Galluzzo,
Gambino, Gentile, Ghirlandi, Giordano, Grimaldi, Guidotti, Iannone, Lanzoni, Leoncini, Lombardi, Lucchesi, Maggiore,
Mancini, Marchetti, Martinelli, Mazzoni, Melandri, Migliore, Montanari, Moretti, Nardone, Nicolini, Orsini,
Pagano, Palumbo, Pasquale, Pavone, Pellegrino, Petrucci, Piccolo, Pisani, Quaranta, Ricciardi, Rinaldi, Rizzoli,
Sabatini, Salvemini, Santoro, Scarpa, Serafini, Tedesco, Tornatore, Trevisan, Ubaldi, Valeri, Venturi, Zanetti,
Zuccarello"""),
    "Spanish": (7, """
Alejandra, Almudena, Amparo, Araceli, Belén, Blanca, Carmen, Catalina, Consuelo, Dolores, Encarnación, Esperanza,
Estrella, Eugenia, Fernanda, Gabriela, Graciela, Guadalupe, Inés, Isabel, Jimena, Josefina, Leticia, Lourdes,
Macarena, Magdalena, Marisol, Milagros, Montserrat, Nieves, Paloma, Pilar, Remedios, Rocío, Soledad, Ximena""", """
Alfonso, Álvaro, Andrés, Ángel, Baltasar, Bartolomé, Benito, Camilo, César, Cristóbal, Diego, Emilio, Enrique, Esteban,
Evaristo, Federico, Felipe, Gerardo, Gonzalo, Gregorio, Guillermo, Hernán, Ignacio, Jacinto, Jaime, Joaquín, Julián,
Leopoldo, Lorenzo, Manuel, Mateo, Nicolás, Octavio, Pascual, Rafael, Ramón, Rodrigo, Rubén, Tomás, Vicente""", """
Aguilar, Alarcón, Albornoz, Altamirano, Alvarado, Aranda, Arellano, Arroyo, Ávalos, Ayala, Balboa, Ballesteros,
Barragán, Barrios, Becerra, Benavides, Bermúdez, Bustamante, Caballero, Cabrera, Calderón, Camacho, Cárdenas, Carrasco,
Carrillo, Castañeda, Cervera, Cifuentes, Contreras, Cordero, Coronado, Dávila, de la Cruz, de la Fuente, del Valle,
Echeverría, Elizondo, Escobar, Espinosa, Estrada, Fajardo, Figueroa, Fuentes, Galindo, Gallardo, Gamboa, Garrido,
Guerrero, Guzmán, Henríquez, Herrera, Hidalgo, Hinojosa, Hurtado, Ibáñez, Iglesias, Jaramillo, Lozano, Luján, Maldonado,
Manrique, Márquez, Medina, Miranda, Montalvo, Montoya, Morales, Murillo, Navarro, Ocampo, Olivares, Orozco,
Ortega, Pacheco, Palacios, Paredes, Pedraza, Peñalosa, Quintana, Quiroga, Rendón, Robledo, Salcedo, Sandoval, Serrano,
Solís, Tejada, Urrutia, Valdivia, Velasco, Villanueva, Yáñez, Zamora, Zapata, Zúñiga"""),
    "Portuguese": (4, """
Adelina, Albertina, Alzira, Anabela, Aurora, Benedita, Branca, Carlota, Celeste, Clarice, Conceição, Cremilda, Dulce,
Ermelinda, Esmeralda, Fátima, Felicidade, Filomena, Florbela, Glória, Graça, Ivone, Joana, Judite, Leonor, Lídia,
Luísa, Madalena, Noémia, Otília, Rosália, Teresinha""", """
Abílio, Adalberto, Afonso, Agostinho, Alcides, Almir, Amadeu, Aníbal, António, Augusto, Baltazar, Belmiro, Bernardim,
Caetano, Cândido, Celso, Delfim, Duarte, Edmundo, Egas, Fernão, Firmino, Gaspar, Gonçalo, Henrique, Honório, Inácio,
Jacinto, João, Jorge, Luís, Nuno, Rui, Sebastião, Simão, Vasco""", """
Abrantes, Abreu, Aguiar, Alencar, Almeida, Alves, Amaral, Andrade, Antunes, Araújo, Azevedo, Bandeira, Barbosa,
Barreto, Bastos, Batista, Bettencourt, Botelho, Braga, Brandão, Brito, Cabral, Caldeira, Câmara, Cardoso, Carneiro,
Carvalho, Castanheira, Coelho, Cordeiro, Coutinho, Cunha, da Mata, da Silveira, de Barros, Dias, dos Santos, Duarte,
Espírito Santo, Esteves, Falcão, Faria, Ferraz, Figueiredo, Fonseca, Freitas, Frazão, Furtado, Galvão, Gouveia,
Guimarães, Jardim, Lacerda, Leitão, Lobato, Loureiro, Lousada, Macedo, Machado, Magalhães, Malheiro, Marinho,
Mascarenhas, Meireles, Mesquita, Monteiro, Moura, Nascimento, Negrão, Nóbrega, Noronha, Oliveira, Pacheco, Peixoto,
Pestana, Pimentel, Queirós, Quintela, Ramalho, Rebelo, Ribeiro, Rocha, Sampaio, Saraiva, Seixas, Simões, Tavares,
Teixeira, Valente, Vasconcelos, Veiga, Viana"""),
    "Dutch": (4, """
Aaltje, Anneke, Annelies, Antje, Beatrix, Cornelia, Dieuwertje, Elsje, Femke, Fenna, Geertje, Gerrie, Greetje, Griet,
Hanneke, Hendrika, Ineke, Jacoba, Jantje, Klaasje, Liesbeth, Machteld, Marieke, Marijke, Mieke, Neeltje, Petronella,
Roos, Saskia, Sietske, Tineke, Trijntje, Wilhelmina, Willemijn""", """
Adriaan, Anton, Arend, Balthasar, Barend, Bastiaan, Boudewijn, Casper, Cornelis, Diederik, Dirk, Evert, Floris, Frans,
Gerrit, Gijsbert, Hendrik, Huibert, Jacob, Jeroen, Joost, Joris, Koenraad, Lambertus, Lodewijk, Maarten, Matthijs,
Nicolaas, Pieter, Reinier, Roelof, Ruben, Sjoerd, Teunis, Wessel, Willem, Wouter""", """
Aalbers, Achterberg, Bakker, Beekman, Blaauw, Boersma, Bosman, Brouwer, Bruinsma, Buitenhuis, Claassen, Coenen,
Cornelissen, de Bruijn, de Groot, de Haan, de Jong, de Koning, de Vries, de Wit, den Hartog, Dekker, Dijkema, Driessen,
Eikenboom, Elzinga, Engelen, Feenstra, Geerts, Goossens, Groeneveld, Haanstra, Heemskerk, Hofstra, Hoogendoorn,
Huizinga, Jaspers, Kamphuis, Keizer, Kloosterman, Koopman, Kuiper, Langendijk, Leenders, Lubbers, Maas, Meijer,
Molenaar, Mulder, Nagelkerke, Nieuwenhuis, Noordhoek, Oosterhuis, Paauw, Postma, Raaijmakers, Reitsma, Rietveld,
Roodenburg, Schipper, Schouten, Sluiter, Smeets, Spaans, Steenbergen, Swinkels, Terpstra, Timmermans, Uittenbogaard,
van Beek, van Dalen, van den Broek, van der Heide, van der Linden, van der Meer, van Dijk, van Houten, van Leeuwen,
van Rossum, van Vliet, van Wijk, Veenstra, Verbeek, Verhoeven, Vermeulen, Visser, Vroom, Wagenaar, Westerveld,
Wiersma, Zijlstra, Zonneveld"""),
    "Nordic": (6, """
Agneta, Annika, Ása, Astrid, Birgitta, Bodil, Brita, Dagny, Ebba, Elin, Frida, Gerd, Gro, Gunhild, Gunilla, Hedda,
Hjördis, Inga, Ingrid, Kaisa, Kerstin, Kirsten, Liv, Lovisa, Maren, Märta, Pernille, Ragnhild, Randi, Sigrid, Signe,
Solveig, Sunniva, Thyra, Tove, Ulla, Vigdis, Ylva""", """
Aksel, Anders, Arvid, Asbjørn, Birger, Bjørn, Carl, Egil, Einar, Erling, Folke, Fredrik, Gösta, Gunnar, Håkon, Halvard,
Harald, Ingemar, Ivar, Jens, Jørgen, Kåre, Kjell, Knut, Lars, Leif, Magnus, Mogens, Nils, Olav, Ørjan, Oskar, Preben,
Ragnar, Rasmus, Sigurd, Sixten, Sören, Steen, Sverre, Torbjörn, Torsten, Trygve, Ulf, Viggo""", """
Aalto, Abrahamsen, Adolfsson, Ahlgren, Almqvist, Andreassen, Arnesen, Askeland, Backlund, Bakken, Berggren, Bjerke,
Björklund, Blomqvist, Brekke, Christoffersen, Dahlström, Danielsen, Edvardsen, Ekman, Eliassen, Enger, Eriksen,
Fagerholm, Falk, Fossum, Fredriksen, Frisk, Gjerde, Grönlund, Gulbrandsen, Gustafsson, Haglund, Halvorsen, Hammarberg,
Haugen, Hedlund, Hellström, Henriksen, Holmgren, Isaksen, Iversen, Jensen, Jönsson, Juhl, Kjeldsen, Kjær, Knudsen,
Korhonen, Kristoffersen, Kvist, Lagerfelt, Larsen, Lauridsen, Lindqvist, Lövgren, Lund, Lykke, Madsen, Magnusson,
Mikkelsen, Moberg, Myhre, Nielsen, Nordahl, Nyström, Ødegaard, Olofsson, Öberg, Østergaard, Paulsen, Pettersson,
Rasmussen, Rosengren, Rønning, Sandvik, Sjöberg, Skoglund, Skov, Söderlund, Solberg, Stenmark, Strömberg, Sundberg,
Svendsen, Tangen, Thorsen, Tveit, Ulvestad, Vestergaard, Vikström, Wallin, Westlund, Ytterberg, Zetterlund"""),
    "Polish": (5, """
Agnieszka, Aleksandra, Alicja, Aniela, Beata, Bogumiła, Bronisława, Danuta, Dobrosława, Dorota, Elżbieta, Ewa, Felicja,
Grażyna, Halina, Hanna, Irena, Izabela, Jadwiga, Janina, Joanna, Jolanta, Kazimiera, Kinga, Krystyna, Ludwika,
Małgorzata, Marzena, Michalina, Teresa, Urszula, Wanda, Wiesława, Zofia, Zuzanna""", """
Andrzej, Bogdan, Bogusław, Bolesław, Czesław, Dariusz, Dominik, Eugeniusz, Feliks, Franciszek, Grzegorz, Henryk, Hubert,
Ignacy, Jacek, Janusz, Jarosław, Jerzy, Józef, Kacper, Kazimierz, Krzysztof, Leszek, Łukasz, Maciej, Marek, Mieczysław,
Mikołaj, Paweł, Piotr, Roman, Ryszard, Sławomir, Stanisław, Szymon, Tadeusz, Wacław, Witold, Wojciech, Zbigniew""", """
Adamczyk, Banaszak, Baranowski, Bednarek, Bielawski, Błaszczyk, Bochenek, Borkowski, Brzeziński, Chmielewski, Cieślak,
Czajkowski, Dąbrowski, Domański, Drozd, Dudek, Dziedzic, Filipiak, Gajewski, Górski, Grabowski, Grochowski, Gruszka,
Grzybowski, Jabłoński, Jagodziński, Jakubowski, Janiak, Jankowski, Jaworski, Kaczmarek, Kalinowski, Kamiński, Karpiński,
Kędzierski, Klimek, Kołodziej, Konopka, Kosiński, Kozłowski, Krawczyk, Krupa, Kubiak, Kucharski, Kwiatkowski, Lasota,
Leśniak, Lewandowski, Lipiński, Maj, Makowski, Malinowski, Marciniak, Markiewicz, Mazurek, Michalak, Mroczek, Nowacki,
Olejnik, Orzechowski, Ostrowski, Pawlak, Piątek, Pietrzak, Piotrowski, Przybylski, Pytlak, Rogalski, Rutkowski,
Rybarczyk, Sadowski, Sawicki, Sikora, Skowroński, Sobczak, Sokołowski, Stachowiak, Staszewski, Szczepański, Szulc,
Tomaszewski, Urbański, Walczak, Wasilewski, Wieczorek, Wierzbicki, Wilczek, Wiśniewski, Witkowski, Wojtasik, Wróbel,
Wysocki, Zając, Zalewski, Zawadzki, Zieliński, Żukowski"""),
    "Czech": (3, """
Alena, Alžběta, Anežka, Antonie, Barbora, Blanka, Blažena, Božena, Dana, Drahomíra, Dobromila, Eliška, Hana, Hedvika,
Ivana, Jarmila, Jindřiška, Jiřina, Jitka, Kamila, Kateřina, Květa, Libuše, Ludmila, Magda, Markéta, Milada, Miroslava,
Olga, Růžena, Šárka, Štěpánka, Tereza, Vlasta, Zdeňka""", """
Alois, Antonín, Bedřich, Bohumil, Bohuslav, Břetislav, Ctibor, Dalibor, Dušan, Emanuel, František, Hynek, Ivo, Jan,
Jaromír, Jaroslav, Jindřich, Jiří, Josef, Karel, Kryštof, Ladislav, Lubomír, Luděk, Lukáš, Marek, Matěj, Miloš,
Miroslav, Oldřich, Ondřej, Otakar, Pavel, Přemysl, Radek, Rostislav, Svatopluk, Tomáš, Václav, Vojtěch, Zdeněk""", """
Adámek, Bartoš, Bednář, Beran, Blažek, Brabec, Brož, Bureš, Čermák, Černý, Dolejš, Doležal, Dostál,
Drábek, Dušek, Fiala, Franěk, Hájek, Havlíček, Havránek, Hlaváč, Holub, Horáček, Horák, Houdek, 
Hruška, Hudec, Chalupa, Jandák, Janeček, Jelínek, Jirásek, Jonáš, Kadlec, Kalina, Kašpar, Klíma, Klouček, Kohout, Kolář,
Konečný, Kopecký, Koudelka, Kovář, Kozák, Krejčí, Kříž, Kubát, Kučera, Kudrna, Lacina, Liška, Louda, Malý, Marek,
Mareš, Mašek, Matoušek, Mlynář, Moravec, Musil, Navrátil, Nedvěd, Němec, Novotný, Pánek, Pešek, Pokorný, Polák,
Pospíšil, Procházka, Prokop, Růžička, Ryba, Říha, Sedláček, Skála, Slavík, Soukup, Souček, Straka, Suchý,
Svoboda, Sýkora, Šafařík, Ševčík, Šimek, Šťastný, Tesař, Toman, Urban, Vacek, Valenta, Vaněk, Veselý, Vlček, Vondráček,
Zeman, Žák, Zelenka"""),
    "Hungarian": (3, """
Ágnes, Anikó, Aranka, Beáta, Boglárka, Borbála, Csilla, Dorottya, Edina, Emőke, Enikő, Erzsébet, Eszter, Etelka, Gizella,
Györgyi, Hajnalka, Ibolya, Ildikó, Ilona, Irén, Jolán, Judit, Júlia, Katalin, Klára, Krisztina, Magdolna, Margit,
Mária, Piroska, Réka, Rózsa, Sarolta, Zsófia, Zsuzsanna""", """
Ákos, Aladár, András, Árpád, Attila, Balázs, Barnabás, Béla, Csaba, Dénes, Dezső, Elemér, Endre, Ernő, Ferenc, Gábor,
Gergely, Géza, Győző, György, Gyula, Imre, István, János, Jenő, József, Kálmán, Károly, Lajos, László, Lőrinc, Mihály,
Miklós, Ödön, Pál, Sándor, Szabolcs, Tamás, Tibor, Zoltán, Zsigmond""", """
Ambrus, Antal, Asztalos, Bakos, Balassa, Balog, Bánfalvi, Bárány, Barta, Bíró, Bodnár, Boros, Borsos, Császár, Csepregi,
Cseh, Csonka, Deák, Dobos, Dudás, Egressy, Erdélyi, Faragó, Farkas, Fazekas, Fehér, Fodor, Földes, Fülöp, Gál, Gáspár,
Gerencsér, Gombos, Gulyás, Győri, Hajdú, Halász, Hegedűs, Hernádi, Hollósi, Horváth, Illyés, Jakab, Jámbor, Juhász,
Kádas, Kelemen, Kertész, Királyi, Kisfalvi, Kocsis, Komáromi, Kovács, Kozma, Lakatos, Lantos, Lengyel, Ligeti, Lovász,
Lukács, Magyar, Mészáros, Mohácsi, Molnár, Nádas, Nagy, Nyilas, Oláh, Országh, Ördög, Pálffy, Pásztor, Pataki,
Pintér, Polgár, Rácz, Rónai, Sárközi, Simonyi, Somogyi, Soós, Sűdy, Szabó, Szalai, Szász, Székely, Szekeres, Szendrei,
Szilágyi, Takács, Tóth, Török, Újvári, Vadász, Vámos, Várnai, Vörös, Zentai, Zsoldos"""),
    "Russian": (4, """
Aglaya, Alevtina, Anastasia, Anfisa, Antonina, Darya, Ekaterina, Elena, Elizaveta, Evdokia, Faina, Galina, Glafira,
Inna, Irina, Kapitolina, Klavdia, Ksenia, Larisa, Lidia, Lyubov, Marina, Matryona, Nadezhda, Natalia, Oksana, Polina,
Raisa, Svetlana, Taisia, Tamara, Tatiana, Valentina, Vera, Zinaida, Zoya""", """
Afanasy, Aleksei, Anatoly, Andrei, Arkady, Artyom, Boris, Denis, Dmitri, Efim, Evgeny, Fyodor, Gennady, Gleb, Grigory,
Igor, Ilya, Innokenty, Ivan, Kirill, Konstantin, Kuzma, Lavrenty, Leonid, Lev, Maksim, Matvei, Mikhail, Nikita,
Nikolai, Oleg, Pyotr, Rodion, Savely, Sergei, Stepan, Timofei, Vadim, Vasily, Vladislav, Yaroslav, Yegor""", """
Abramov, Afanasyev, Agapov, Alyokhin, Antipov, Arkhipov, Babushkin, Baranov, Belyakov, Blinov, Bogdanov, Bykov,
Chernyshov, Danilov, Demidov, Dorofeyev, Dubrovsky, Durov, Fadeyev, Filatov, Fomin, Galkin, Gerasimov, Glebov,
Golovin, Gorbunov, Gorshkov, Gromov, Gusev, Ignatyev, Isakov, Kalashnik, Karpov, Kazakov, Kirillov, Kiselyov, Klimov,
Kolesnikov, Komarov, Konovalov, Korolyov, Kotov, Kovalyov, Krylov, Kudryavtsev, Kuzmin, Lapshin, Larionov, Lazarev,
Leonov, Loginov, Lukin, Maltsev, Markov, Medvedkin, Melnikov, Mironov, Morozov, Mukhin, Muravyov, Nazarov, Nesterov,
Nosov, Odintsov, Orlov, Osipov, Panfilov, Pakhomov, Petrovsky, Platonov, Pozdnyakov, Rodionov, Ryabov, Rybakov, Safonov,
Samoilov, Savelyev, Selivanov, Shcherbakov, Shubin, Sidorov, Sobolev, Sorokin, Starostin, Sukhov, Tarasov, Tikhonov,
Titov, Trofimov, Tsvetkov, Ushakov, Vlasov, Volkov, Vorobyov, Voronin, Yefimov, Yershov, Zaitsev, Zhdanov, Zotov, Zuyev"""),
    "Greek": (3, """
Afroditi, Aikaterini, Anthi, Argyro, Artemis, Chrysanthi, Chrysoula, Danai, Despina, Dimitra, Efrosyni, Eleftheria,
Evangelia, Evdoxia, Fotini, Garyfallia, Ioanna, Kalliopi, Kleio, Konstantina, Kyriaki, Lamprini, Loukia, Myrto,
Olympia, Panagiota, Paraskevi, Persefoni, Stamatia, Styliani, Thalia, Theodora, Vasiliki, Xanthippi, Zinovia""", """
Achilleas, Agamemnon, Anastasios, Andreas, Antonios, Apostolos, Aristotelis, Athanasios, Charalampos, Christos,
Dimitrios, Diomidis, Efstathios, Emmanouil, Evangelos, Fotis, Georgios, Grigoris, Iason, Ilias, Ioannis, Kimon,
Konstantinos, Kyriakos, Leonidas, Loukas, Markos, Michail, Nektarios, Nikolaos, Odysseas, Orestis, Panagiotis,
Periklis, Petros, Sotirios, Spyridon, Stavros, Themistoklis, Vasileios""", """
Alexopoulos, Anagnostou, Andreadis, Angelidis, Antoniou, Apostolakis, Argyriou, Arvanitis, Asimakopoulos, Athanasiou,
Bakirtzis, Charitos, Chatzis, Christodoulou, Daskalakis, Delis, Dimopoulos, Drakos, Economou, Eleftheriadis, Exarchos,
Fotiadis, Fragkos, Galanis, Gavras, Georgiadis, Giannakopoulos, Gikas, Glezos, Hatzidakis, Ioannidis, Kalogeropoulos,
Kanellis, Kapsalis, Karagiannis, Karalis, Karras, Katsaros, Kazantzidis, Kokkinos, Kontos, Kordatos, Kouris, Koutras,
Kyriakidis, Lambrakis, Laskaris, Lekkas, Liakos, Livanos, Logothetis, Makris, Manolis, Mantzaros, Mavridis, Melas,
Michalopoulos, Moraitis, Nikolaidis, Nomikos, Oikonomidis, Pagonis, Palamaris, Panagos, Pantelidis, Papadakis,
Papageorgiou, Papanikolaou, Pappas, Paraskevas, Petridis, Polizos, Rallis, Roussos, Sarris, Sideris,
Sotiriou, Spanos, Stamatis, Stathopoulos, Stefanidis, Theodorakopoulos, Tsakalos, Tsioumis, Tzavaras, Vafiadis, Vlachos,
Voulgaris, Zachariadis, Zervas, Zografos"""),
    "Turkish": (3, """
Ayça, Aylin, Ayşe, Bahar, Belgin, Berna, Beyza, Burcu, Canan, Ceyda, Çiğdem, Defne, Derya, Dilek, Ebru, Elif, Emine,
Esra, Feride, Figen, Filiz, Gülay, Gülşen, Hatice, Hülya, İpek, Lale, Meltem, Nazlı, Nermin, Neşe, Nilüfer, Özlem,
Pınar, Selin, Şebnem, Tülay, Yasemin, Zeynep""", """
Adnan, Ahmet, Alper, Arda, Aydın, Barış, Berk, Bülent, Cem, Cengiz, Cüneyt, Doğan, Emre, Engin, Erdal, Erkan, Ferhat,
Fikret, Gökhan, Hakan, Halil, Hüseyin, İlhan, İsmail, Kadir, Kaan, Kemal, Levent, Mehmet, Metin, Murat, Necati, Oğuz,
Onur, Orhan, Osman, Ömer, Rıza, Serkan, Şükrü, Tarık, Tuncay, Uğur, Volkan, Yavuz, Yılmaz""", """
Acar, Akbulut, Akgün, Aksoy, Aktaş, Alkan, Altıntaş, Arıkan, Arslan, Aslanoğlu, Atasoy, Avcı, Aydemir, Bahçeli, Balcı,
Başaran, Bayraktar, Bilgin, Bozkurt, Bulut, Candan, Ceylan, Çakır, Çelik, Çetin, Çiftçi, Dağlı, Demir, Demirci, Deniz,
Dinçer, Doğru, Duman, Durmaz, Ekinci, Elmas, Erbay, Erdem, Erdoğmuş, Ergin, Ersoy, Esen, Gencer, Gökçe, Güler, Gümüş,
Gündoğdu, Güngör, Günay, Gürsoy, Işık, İnan, İpekçi, Kahraman, Kalkan, Kaplan, Karaca, Karadağ, Karakaya, Kartal, Kaya,
Keskin, Kılıç, Koçak, Korkmaz, Köse, Kurt, Kuzu, Mutlu, Okyay, Oral, Orbay, Öksüz, Önal, Öztürk, Özdemir, Polat,
Sağlam, Sancak, Sarı, Savaş, Sezer, Soylu, Sönmez, Şahin, Şeker, Şimşek, Taşkın, Tekin, Temiz, Toprak, Tunç, Turan,
Türkmen, Ulusoy, Uysal, Ünal, Yalçın, Yaman, Yavaş, Yıldırım, Yücel, Zengin"""),
    "Arabic": (4, """
Abeer, Aisha, Amal, Amina, Asma, Basma, Dalal, Dina, Faiza, Farida, Fatima, Ghada, Habiba, Hala, Hanan, Hind, Huda,
Iman, Jamila, Khadija, Laila, Lamia, Layan, Maha, Maryam, Mona, Nabila, Nadia, Najwa, Nawal, Rabab, Rania, Reem, Salma,
Samira, Shadia, Suad, Wafa, Yasmin, Zaynab""", """
Abdallah, Adel, Ahmad, Anwar, Ashraf, Aziz, Badr, Bassam, Bilal, Daoud, Fadi, Fahd, Faris, Farouk, Ghassan, Habib,
Hamid, Haroun, Hisham, Husam, Ibrahim, Idris, Jalal, Jamal, Karim, Khaled, Mahmoud, Majid, Mansour, Mazen, Mustafa,
Nabil, Nasser, Omar, Qasim, Rashid, Salim, Samir, Tariq, Walid, Yahya, Youssef, Ziad""", """
Abboud, Abdelnour, Aboulafia, Achkar, Al-Amin, Al-Bakri, Al-Farsi, Al-Hamdan, Al-Harthi, Al-Jabri, Al-Khatib, Al-Mansouri,
Al-Najjar, Al-Qadi, Al-Rashidi, Al-Saadi, Al-Tamimi, Al-Zahrani, Alaoui, Atallah, Attar, Awad, Ayoub, Azzam, Badawi,
Bahri, Barakat, Bashir, Belhaj, Benali, Benjelloun, Bennani, Bishara, Bouazza, Boutros, Chahine, Chaoui, Cherif, Daher,
Darwish, El-Baz, El-Guindy, El-Masry, El-Sayed, Fakhoury, Farhat, Fawzi, Fayad, Ghanem, Gharib, Ghazal, Haddad, Hakim,
Halabi, Hamdi, Hanania, Harb, Hijazi, Hourani, Issa, Jaber, Kabbani, Kanaan, Karam, Kassab, Khalil, Khoury, Lahoud,
Maalouf, Mahfoud, Makhlouf, Masri, Mikati, Mokhtar, Murad, Nahas, Naimi, Nassar, Osseiran, Qabbani, Rahal, Rizk, Saab,
Sabbagh, Salameh, Salloum, Sawaya, Sayegh, Shaheen, Shammas, Sharabi, Tahan, Tazi, Tlass, Wahba, Yacoub, Zaki, Zayat,
Zidani"""),
    "Indian": (4, """
Aditi, Ambika, Amrita, Ananya, Anjali, Anuradha, Archana, Asha, Bhavna, Chitra, Deepa, Divya, Gayatri, Gita, Indira,
Jaya, Kalpana, Kamala, Kavita, Kiran, Lakshmi, Lalita, Madhuri, Malati, Meenakshi, Nandini, Neha, Padma, Pallavi,
Parvati, Priya, Radha, Rekha, Rukmini, Sarita, Shanta, Shobha, Sunita, Usha, Vasundhara, Vidya""", """
Abhay, Ajay, Akash, Amar, Anand, Anil, Arjun, Arun, Ashok, Balram, Bharat, Chandra, Deepak, Devendra, Dilip, Ganesh,
Girish, Gopal, Harish, Hemant, Ishaan, Jagdish, Jayant, Kailash, Kishore, Krishnan, Lalit, Madhav, Mahesh, Mohan,
Mukesh, Naresh, Nikhil, Prakash, Rajesh, Ramesh, Ravi, Sanjay, Shankar, Subhash, Suresh, Umesh, Vijay, Vinod""", """
Acharya, Agarwal, Ahuja, Aiyar, Apte, Balakrishnan, Banerjee, Barua, Basu, Bhandari, Bhaskar, Bhatnagar, Bhattacharya,
Bhosle, Biswas, Bose, Chakrabarti, Chandrasekhar, Chatterjee, Chaudhuri, Chauhan, Chawla, Dandekar, Dasgupta, Desai,
Deshmukh, Deshpande, Dhar, Dhawan, Dubey, Dutta, Gaekwad, Ganguly, Ghoshal, Gokhale, Goswami, Gupta, Hegde, Iyengar,
Jadhav, Jagannathan, Jha, Joshi, Kamath, Kapadia, Kapoor, Karnik, Kelkar, Khanna, Kulkarni, Lahiri, Mahajan, Majumdar,
Malhotra, Malik, Mathur, Mehra, Mehta, Menon, Mirchandani, Mishra, Mitra, Mudaliar, Mukherjee, Nadkarni, Nagarajan,
Naidu, Nambiar, Narayanan, Natarajan, Oberoi, Padmanabhan, Panda, Pandey, Panicker, Parekh, Patankar, Patel, Patil,
Phadke, Pillai, Prabhu, Purohit, Raghavan, Rajagopal, Ramaswamy, Ranganathan, Rao, Rathore, Sahni, Sarkar, Saxena, Sehgal,
Shastri, Shetty, Shrivastava, Sinha, Srinivasan, Subramaniam, Talwar, Tandon, Thakur, Tiwari, Tripathi, Trivedi,
Upadhyay, Varadarajan, Varma, Venkataraman, Wadekar, Yadav"""),
    "Japanese": (4, """
Akane, Akiko, Asami, Ayako, Chieko, Chiyo, Emiko, Etsuko, Fumiko, Hanako, Haruka, Hatsue, Hideko, Hiroko, Hisako, Kaori,
Kayoko, Kazuko, Keiko, Kiyomi, Kumiko, Machiko, Mariko, Masako, Mayumi, Michiko, Midori, Mitsuko, Nanami, Noriko,
Reiko, Sachiko, Sakura, Sayuri, Setsuko, Shizuko, Sumire, Tomoko, Yasuko, Yoshiko, Yukari""", """
Akihiro, Akira, Atsushi, Daisuke, Eiji, Fumio, Goro, Hajime, Haruki, Hideo, Hiroshi, Hisashi, Ichiro, Isamu, Jiro,
Junichi, Katsuo, Kazuo, Keisuke, Kenji, Kiyoshi, Koichi, Makoto, Masahiro, Minoru, Naoki, Nobuo, Osamu, Ryota, Saburo,
Satoshi, Shigeru, Shinji, Susumu, Tadashi, Takashi, Tetsuya, Toshio, Tsutomu, Yasuhiro, Yoshio, Yutaka""", """
Abe, Aizawa, Akiyama, Amano, Aoki, Arakawa, Asakura, Ashida, Chiba, Doi, Endo, Fujioka, Fujisawa, Fujiwara, Fukuda,
Furukawa, Goto, Hamada, Hanazawa, Harada, Hasegawa, Hashimoto, Hattori, Hayashi, Higashi, Hirano, Hoshino, Ichikawa,
Igarashi, Iida, Ikeda, Imamura, Inoue, Ishibashi, Ishikawa, Iwasaki, Izumi, Kaneko, Katayama, Kato, Kawaguchi, Kawamura,
Kikuchi, Kimura, Kishimoto, Kitagawa, Kobayashi, Koizumi, Kojima, Komatsu, Kondo, Kubota, Kuroda, Maeda, Maruyama,
Matsuda, Matsumoto, Minami, Mishina, Miyazawa, Mizuno, Mochizuki, Mori, Morita, Murakoshi, Nagai, Nakagawa, Nakahara,
Nakamura, Nishida, Noguchi, Nomura, Oda, Ogawa, Ohashi, Okada, Okamoto, Ono, Ota, Otsuka, Ozawa, Saito, Sakai, Sakamoto,
Sasaki, Sato, Sekiguchi, Shibata, Shimizu, Shinohara, Sugawara, Sugiyama, Suzuki, Tachibana, Taguchi, Takagi,
Takahashi, Takeda, Tamura, Tanaka, Terada, Tsuchiya, Uchida, Ueda, Uehara, Watanabe, Yamada, Yamaguchi, Yamashita,
Yokoyama, Yoshida, Yoshikawa"""),
    "Nigerian": (3, """
Abimbola, Adaeze, Adanna, Adebola, Adunni, Amara, Ayodele, Bolanle, Bukola, Chiamaka, Chidinma, Chinwe, Ebele, Ebunoluwa,
Efunsola, Folake, Funmilayo, Ifeoma, Ijeoma, Iyabo, Kehinde, Kemi, Modupe, Ngozi, Nkechi, Nkiru, Obioma, Olufunke,
Omolara, Onyinye, Ronke, Sade, Temitope, Titilayo, Uchenna, Uzoma, Yetunde""", """
Abiodun, Adekunle, Ademola, Adewale, Akin, Akinwale, Babatunde, Bamidele, Chidi, Chigozie, Chike, Chinedu, Chukwudi,
Dapo, Ebuka, Emeka, Femi, Gbenga, Ifeanyi, Ikechukwu, Ikenna, Jide, Kayode, Kelechi, Kunle, Ladipo, Nnamdi, Obinna,
Okechukwu, Olumide, Oluwole, Segun, Sola, Taiwo, Tobenna, Tunde, Uche, Wale, Yemi""", """
Abiola, Adebayo, Adegoke, Adeleke, Adeniyi, Adeoye, Adesanya, Adeyemi, Afolabi, Agbaje, Ajayi, Akande, Akinola,
Akintola, Akpan, Alabi, Amadi, Aniebo, Anozie, Anyanwu, Apara, Asika, Awolola, Ayodeji, Babalola, Balogun,
Bamgbose, Bankole, Chukwuma, Dada, Dosunmu, Ebong, Edozien, Egbuna, Ejiofor, Ekwueme, Emecheta, Enahoro, Enwonwu,
Ezeani, Ezenwa, Fagbemi, Falana, Famuyiwa, Gbadebo, Ibekwe, Idowu, Igwe, Iheanacho, Ikpeme, Inyang, Iroegbu,
Iwuoha, Jaja, Kolade, Lawani, Madueke, Mbanefo, Mbakwe, Ndukwe, Njoku, Nnadi, Nwachukwu, Nwankwo, Nwosu, Obaseki,
Obiechina, Odukoya, Odumosu, Ogunbanjo, Ogunleye, Okafor, Okeke, Okereke, Okonjo, Okoro, Okpara, Okwuosa,
Olaleye, Olatunji, Onabanjo, Onwudiwe, Onyeama, Opara, Osadebe, Oyelaran, Oyelowo, Sodeinde, Soyombo, Taiwo, Tinubu,
Ubani, Ugwu, Umeadi, Uwaifo, Uzodinma, Williams"""),
}

LANGUAGES = {
    language: {"share": share, "women": _list(women), "men": _list(men), "surnames": _list(surnames)}
    for language, (share, women, men, surnames) in _RAW.items()
}


def surname_for(language, surname, woman):
    """The form of a surname a woman bears in the languages that mark it; a man's is the listed one."""
    if not woman:
        return surname
    if language == "Polish" and surname.endswith(("ski", "cki", "dzki")):
        return surname[:-1] + "a"
    if language == "Russian":
        if surname.endswith("sky"):
            return surname[:-1] + "aya"
        return surname + "a" if surname.endswith(("v", "n")) else surname
    if language == "Greek":
        for man, form in (("os", "ou"), ("as", "a"), ("is", "i")):
            if surname.endswith(man):
                return surname[:-len(man)] + form
    if language == "Czech":
        return _czech_woman(surname)
    return surname


def _czech_woman(surname):
    if surname.endswith("ý"):
        return surname[:-1] + "á"
    if surname.endswith("í"):
        return surname
    if surname.endswith("něk"):
        return surname[:-3] + "ňková"
    if surname.endswith(("ek", "ec")):
        return surname[:-2] + surname[-1] + "ová"
    if surname.endswith("a"):
        return surname[:-1] + "ová"
    return surname + "ová"


# Surnames and given names in their own script, for some of the people whose language has one.
_NATIVE = {
    "Russian": """
Anna Анна, Darya Дарья, Elena Елена, Galina Галина, Irina Ирина, Larisa Лариса, Marina Марина, Polina Полина,
Svetlana Светлана, Tamara Тамара, Vera Вера, Zoya Зоя, Andrei Андрей, Boris Борис, Denis Денис, Gleb Глеб, Igor Игорь,
Ivan Иван, Kirill Кирилл, Konstantin Константин, Leonid Леонид, Lev Лев, Nikita Никита, Nikolai Николай, Oleg Олег,
Sergei Сергей, Stepan Степан, Vadim Вадим,
Abramov Абрамов, Antipov Антипов, Baranov Баранов, Bogdanov Богданов, Danilov Данилов, Demidov Демидов, Galkin Галкин,
Gromov Громов, Gusev Гусев, Karpov Карпов, Klimov Климов, Komarov Комаров, Kotov Котов, Krylov Крылов, Kuzmin Кузьмин,
Lazarev Лазарев, Leonov Леонов, Loginov Логинов, Markov Марков, Mironov Миронов, Morozov Морозов, Nazarov Назаров,
Nesterov Нестеров, Nosov Носов, Orlov Орлов, Osipov Осипов, Platonov Платонов, Safonov Сафонов, Sidorov Сидоров,
Sobolev Соболев, Sorokin Сорокин, Tarasov Тарасов, Titov Титов, Trofimov Трофимов, Vlasov Власов, Volkov Волков,
Voronin Воронин, Zotov Зотов""",
    "Greek": """
Dimitra Δήμητρα, Ioanna Ιωάννα, Danai Δανάη, Kalliopi Καλλιόπη, Konstantina Κωνσταντίνα, Andreas Ανδρέας,
Georgios Γεώργιος, Ioannis Ιωάννης, Konstantinos Κωνσταντίνος, Leonidas Λεωνίδας, Markos Μάρκος, Nikolaos Νικόλαος,
Dimitrios Δημήτριος, Antonios Αντώνιος,
Andreadis Ανδρεάδης, Antoniou Αντωνίου, Drakos Δράκος, Galanis Γαλάνης, Georgiadis Γεωργιάδης, Ioannidis Ιωαννίδης,
Karalis Καραλής, Karras Καρράς, Kokkinos Κόκκινος, Kontos Κοντός, Makris Μακρής, Melas Μελάς, Nikolaidis Νικολαΐδης,
Kanellis Κανέλλης, Rallis Ράλλης, Spanos Σπανός, Stamatis Σταμάτης, Kouris Κούρης, Lekkas Λέκκας, Sarris Σαρρής""",
    "Japanese": """
Akiko 明子, Kazuko 和子, Masako 正子, Akira 明, Ichiro 一郎, Jiro 二郎, Tadashi 正, Aoki 青木, Kimura 木村, Mori 森,
Morita 森田, Nakagawa 中川, Nakamura 中村, Tanaka 田中, Ueda 上田, Yamada 山田, Yamaguchi 山口, Yamashita 山下,
Kawaguchi 川口, Kawamura 川村""",
    "Arabic": """
Amal امل, Karim كريم, Salim سليم, Samir سمير, Majid مجيد, Jamal جمال, Mona منى, Karam كرم, Khalil خليل, Masri مصري,
Murad مراد, Salameh سلامه, Haddad حداد, Makhlouf مخلوف, Rahal رحال, Jaber جابر, Harb حرب, Cherif شريف, Shaheen شاهين""",
}
_NATIVE = {language: dict(item.split() for item in _list(text)) for language, text in _NATIVE.items()}


def native_form(language, given, family, woman):
    """(given name, surname) in the language's own script; an empty string for one that is not listed."""
    known = _NATIVE.get(language, {})
    surname = known.get(family, "")
    if woman and surname and language == "Russian":
        surname += "а"
    if woman and language == "Greek" and surname.endswith("ς"):
        surname = surname[:-1] if not surname.endswith("ος") else surname[:-2] + "ου"
    return known.get(given, ""), surname
