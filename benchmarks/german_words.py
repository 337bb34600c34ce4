"""Frequent German names, places and streets, of which `benchmarks.german` makes people and companies up."""

from __future__ import annotations

# From the most to the least frequent: the n-th is drawn with a weight of 1 / (n + 4).
FAMILIES = (
    "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein "
    "Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Schmitt Werner Schmitz Krause "
    "Meier Lehmann Schmid Schulze Maier Köhler Herrmann König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz "
    "Möller Weiß Jung Hahn Schubert Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann "
    "Franke Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein Jäger Otto Sommer "
    "Groß Seidel Heinrich Brandt Haas Schreiber Graf Schulte Dietrich Ziegler Kuhn Kühn Pohl Engel Horn Busch "
    "Bergmann Thomas Voigt Sauer Arnold Wolff Pfeiffer Yılmaz Kaya Nowak Kowalski Ivanov Nguyen Rossi Özdemir"
).split()
STEMS = (
    "Acker Ahl Alt Bach Berg Birk Boden Brand Breit Brink Brunn Buch Busch Damm Distel Dorn Eber Eich Eller Erl "
    "Esch Falken Feld Fink Flor Frei Froh Gold Grün Hag Halb Hammer Heide Hell Herz Hoch Holz Hör Kalt Kamp Kirch "
    "Kling König Kreuz Küster Land Lang Lieb Linden Löwen Mark Mühl Neu Nord Ober Oster Ost Pfann Quell Rehm Reich "
    "Rosen Roth Sand Schön Schwarz Seel Sieben Sonnen Stein Stroh Süß Tann Tiefen Unter Vogel Wald Weiden Wein West "
    "Wied Wiesen Wind Winter Zell"
).split()
ENDINGS = (
    "mann meier bauer hof feld stein berg bach hagen heim hausen müller schmidt becker wald kamp brock dorf au er "
    "thaler brandt baum burg graf höfer holz horn huber kötter länder lich loh ner ow rath reuter sen siek stätter"
).split()
WOMEN = (
    "Anna Maria Ursula Monika Petra Elisabeth Sabine Renate Helga Karin Brigitte Ingrid Erika Andrea Gisela Claudia "
    "Susanne Gabriele Christa Christine Hildegard Anja Barbara Birgit Katharina Stefanie Nicole Melanie Julia "
    "Sandra Martina Angelika Heike Ute Silke Kerstin Anke Tanja Daniela Christina Katrin Sarah Laura Lena Lisa "
    "Hannah Mia Emma Sophie Emilia Leonie Jana Johanna Franziska Vanessa Jessica Marie Charlotte Lea Clara Frieda "
    "Käthe Margarete Jutta Ilse Gerda Edith Marianne Waltraud Elke Ulrike Doris Simone Nadine Antje Ayşe Fatma "
    "Magdalena Agnieszka Olga Svetlana Thea Greta Ida Mathilda"
).split()
MEN = (
    "Peter Michael Thomas Andreas Wolfgang Klaus Jürgen Günter Stefan Christian Uwe Werner Horst Frank Dieter "
    "Manfred Gerhard Hans Bernd Thorsten Matthias Helmut Walter Heinz Martin Jörg Rolf Jens Sven Alexander Jan "
    "Rainer Holger Karl Dirk Joachim Ralf Carsten Herbert Oliver Wilhelm Kurt Markus Heinrich Harald Paul Hermann "
    "Friedrich Sebastian Daniel Florian Tobias Marcel Philipp Lukas Felix Maximilian Leon Jonas Ben Elias Noah Finn "
    "Luca Moritz David Niklas Tim Johannes Simon Benjamin Mehmet Mustafa Piotr Dmitri Björn Götz Jakob Emil Anton "
    "Oskar Theo Konrad Ludwig Georg Josef Franz Erwin Rudolf Ulrich Robert"
).split()
CITIES = (
    "Berlin:10:14 Hamburg:20:22 München:80:81 Köln:50:51 Frankfurt_am_Main:60:60 Stuttgart:70:70 Düsseldorf:40:40 "
    "Leipzig:04:04 Dortmund:44:44 Essen:45:45 Bremen:28:28 Dresden:01:01 Hannover:30:30 Nürnberg:90:90 Duisburg:47:47 "
    "Bochum:44:44 Wuppertal:42:42 Bielefeld:33:33 Bonn:53:53 Münster:48:48 Karlsruhe:76:76 Mannheim:68:68 "
    "Augsburg:86:86 Wiesbaden:65:65 Mönchengladbach:41:41 Braunschweig:38:38 Kiel:24:24 Chemnitz:09:09 Aachen:52:52 "
    "Halle_(Saale):06:06 Magdeburg:39:39 Freiburg_im_Breisgau:79:79 Krefeld:47:47 Mainz:55:55 Lübeck:23:23 "
    "Erfurt:99:99 Rostock:18:18 Kassel:34:34 Saarbrücken:66:66 Potsdam:14:14 Würzburg:97:97 Göttingen:37:37 "
    "Heilbronn:74:74 Ulm:89:89 Trier:54:54 Jena:07:07 Görlitz:02:02 Passau:94:94 Konstanz:78:78"
).split()
STREETS = (
    "Haupt Schul Garten Bahnhof Dorf Berg Birken Linden Kirch Wald Ring Amsel Wiesen Goethe Schiller Jahn Post Park "
    "Rosen Tannen Eichen Mühlen Bach Feld Ahorn Brunnen Burg Buchen Friedrich-Ebert- Garten Beethoven Mozart Lessing "
    "Bismarck Kant Königs Luisen Markt Nord Süd Ost West Industrie Hafen Kastanien Kiefern Lerchen Finken Meisen "
    "Ulmen Erlen Fichten Heide Sonnen Kloster Schloss Turm Graben Neue_ Lange_ Breite_ Hohe_ Alte_ Obere_ Untere_ "
    "Bergmann Kaiser Wilhelm Karl Ludwig Hermann-Löns- Hölderlin Uhland Eichendorff Mörike Dürer Albrecht Bürgermeister-"
).split()
KINDS_OF_STREET = ("straße", "straße", "straße", "straße", "weg", "weg", "platz", "allee", "gasse", "ring")
TRADES = (
    "Maschinenbau Elektrotechnik Logistik Bau Metallbau Software Medizintechnik Werkzeugbau Kunststofftechnik "
    "Anlagenbau Automation Sanitär Heizung Gebäudetechnik Druck Verpackung Möbel Holzbau Lebensmittel Brauerei "
    "Bäckerei Spedition Autohaus Antriebstechnik Messtechnik Optik Chemie Pharma Textil Landtechnik Fördertechnik "
    "Hydraulik Stahlbau Solartechnik Energietechnik Datentechnik Systeme Consulting Ingenieure Dienstleistungen"
).split()
FORMS = (
    ("GmbH",) * 10
    + ("GmbH & Co. KG",) * 5
    + ("AG",) * 2
    + ("KG", "e. K.", "e. K.", "OHG", "GbR", "SE", "eG", "UG (haftungsbeschränkt)")
)
PROVIDERS = (
    "gmx.de",
    "gmx.de",
    "web.de",
    "web.de",
    "gmail.com",
    "gmail.com",
    "t-online.de",
    "freenet.de",
    "outlook.de",
)
