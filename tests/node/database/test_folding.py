"""node/database/folding.py: one word has one form, in every language of the exchange."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.database.folding import WORD_CHARS_MAX, joined_words, words_of
from node.reports.letters import fold

LANGUAGES = {
    "Bulgarian": [("Търговия", "търговия"), ("Щърк", "ЩЪРК"), ("Сѝмеон", "симеон")],
    "Croatian": [("Đakovo", "dakovo"), ("čamac", "CAMAC"), ("žrtva", "zrtva"), ("ćup", "cup")],
    "Czech": [("Příbram", "pribram"), ("člun", "clun"), ("Ústí", "usti"), ("děti", "deti"), ("kůň", "kun")],
    "Danish": [("Ærø", "aero"), ("Århus", "arhus"), ("Øresund", "oresund")],
    "Dutch": [("IJsselmeer", "ijsselmeer"), ("\u0133sselmeer", "ijsselmeer"), ("coördinatie", "coordinatie")],
    "English": [("Café", "cafe"), ("naïve", "naive"), ("encyclopædia", "encyclopaedia")],
    "Estonian": [("Pärnu", "parnu"), ("õlu", "olu"), ("šokk", "sokk")],
    "Finnish": [("Hämeenlinna", "hameenlinna"), ("Åbo", "abo"), ("yö", "yo")],
    "French": [("Œuvre", "oeuvre"), ("garçon", "garcon"), ("l\u2019été", "l'ete"), ("Noël", "noel")],
    "German": [("Straße", "strasse"), ("GROẞ", "gross"), ("Gießen", "GIESSEN"), ("Müller", "muller")],
    "Greek": [("Πλοίο", "πλοιο"), ("Οδός", "ΟΔΟΣ"), ("Πειραιάς", "πειραιασ"), ("Μαΐου", "μαιου")],
    "Hungarian": [("Győr", "gyor"), ("Fű", "fu"), ("hajó", "hajo")],
    "Irish": [("Dún Laoghaire", "dun laoghaire"), ("\u1e02ád", "bad")],
    "Italian": [("città", "citta"), ("perché", "perche"), ("dell\u2019isola", "dell'isola")],
    "Latvian": [("Rīga", "riga"), ("ģimene", "gimene"), ("ķeizars", "keizars"), ("šņabis", "snabis")],
    "Lithuanian": [("Šiauliai", "siauliai"), ("ąžuolas", "azuolas"), ("ėglė", "egle"), ("ūkis", "ukis")],
    "Maltese": [("Ħamrun", "hamrun"), ("Għawdex", "ghawdex"), ("Żejtun", "zejtun"), ("ġurnata", "gurnata")],
    "Polish": [("Łódź", "lodz"), ("Michał", "michal"), ("Gdańsk", "gdansk"), ("żółw", "zolw"), ("sędzia", "sedzia")],
    "Portuguese": [("São João", "sao joao"), ("coração", "coracao"), ("avô", "avo")],
    "Romanian": [("Timișoara", "timisoara"), ("Timi\u015foara", "timisoara"), ("Țară", "tara"), ("înger", "inger")],
    "Slovak": [("Žilina", "zilina"), ("ľudia", "ludia"), ("ŕba", "rba"), ("ťava", "tava")],
    "Slovene": [("čoln", "coln"), ("Škofja", "skofja"), ("žoga", "zoga")],
    "Spanish": [("Ñandú", "nandu"), ("Río Hondo", "RIO HONDO"), ("pingüino", "pinguino"), ("1.\u00ba", "1.o")],
    "Swedish": [("Göteborg", "goteborg"), ("båt", "bat"), ("ÄNGEL", "angel")],
    "Haitian Creole": [("Pòtoprens", "potoprens"), ("lapè", "lape"), ("Kreyòl m\u2019ap", "kreyol m'ap")],
    "Quechua": [("Qhich\u2019wa", "qhich'wa"), ("Qhich\u02bcwa", "qhich'wa"), ("ñan", "nan")],
    "Guaraní": [
        ("Mba\u02bce", "mba'e"),
        ("ka\ua78caru", "ka'aru"),
        ("g\u0303uahẽ", "guahe"),
        ("Ypané\u0129", "ypanei"),
    ],
    "Russian": [("Самолёт", "самолет"), ("Йод", "иод")],
    "Ukrainian": [("Київ", "київ"), ("Їжак", "їжак")],
    "Turkish": [("I\u011fd\u0131r", "igdir"), ("İstanbul", "istanbul"), ("ILICA", "\u0131l\u0131ca")],
    "Icelandic": [("Þór", "thor"), ("Guðrún", "gudrun")],
    "Arabic": [
        ("\u0623\u062d\u0645\u064e\u062f", "\u0627\u062d\u0645\u062f"),
        ("\u0645\u062f\u0631\u0633\u0629", "\u0645\u062f\u0631\u0633\u0647"),
        ("\u0645\u0635\u0637\u0641\u0649", "\u0645\u0635\u0637\u0641\u064a"),
        ("\u0645\u0640\u0640\u062d\u0645\u062f", "\u0645\u062d\u0645\u062f"),
        ("\ufedf\ufe8e", "\u0644\u0627"),
        ("\u0661\u0662\u0663", "123"),
    ],
    "Persian": [("\u06a9\u062a\u0627\u0628\u200c\u0647\u0627\u06cc", "\u0643\u062a\u0627\u0628\u0647\u0627\u064a")],
    "Hebrew": [("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u05e9\u05dc\u05d5\u05dd")],
    "Japanese": [("\uff76\uff9e\uff7d", "\u30ac\u30b9"), ("\uff21\uff22\uff23", "abc"), ("\u304b\u3099", "\u304c")],
    "Korean": [("\u1112\u1161\u11ab\u1100\u116e\u11a8", "\ud55c\uad6d")],
    "ligatures and invisible characters": [
        ("\ufb01ne", "fine"),
        ("wa\ufb04e", "waffle"),
        ("ship\u00adment", "shipment"),
        ("go\u200b-\u2060fast", "go-fast"),
        ("\u202apiso\u202c", "piso"),
        ("5\ufe0f\u20e3", "5"),
        ("m\u00b2", "m2"),
    ],
}


@pytest.mark.parametrize(("written", "asked"), [pair for pairs in LANGUAGES.values() for pair in pairs], ids=ascii)
def test_a_word_is_found_however_it_is_typed(written: str, asked: str) -> None:
    """24 languages of the European Union, those of the Americas, and others that occur in reports."""
    assert words_of(written) == words_of(asked) != []
    assert words_of(written.upper()) == words_of(written.lower()) == words_of(written)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u0915\u093f", "\u0915\u093e"),  # ki and ka of Devanagari
        ("\u304b", "\u304c"),  # ka and ga of hiragana
        ("\u0e01\u0e34", "\u0e01\u0e35"),  # two vowels of Thai
        ("лодка", "lodka"),
    ],
)
def test_different_words_stay_different(one: str, other: str) -> None:
    """A vowel sign is a letter; scripts are not translated into each other."""
    assert words_of(one) != words_of(other)


def test_chinese_japanese_and_korean_are_characters_and_pairs() -> None:
    """Each part of such a text is a run of its words."""
    assert words_of("密輸船") == ["密", "密輸", "輸", "輸船", "船"]
    assert words_of("Toyotaの車 2台") == ["toyota", "の", "の車", "車", "2", "台"]
    assert words_of("서울에서") == ["서", "서울", "울", "울에", "에", "에서", "서"]


@given(text=st.text(alphabet="密輸船舶押収", min_size=1, max_size=8), data=st.data())
def test_each_part_of_such_a_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(min_value=0, max_value=len(text) - 1))
    end = data.draw(st.integers(min_value=begin + 1, max_value=len(text)))

    assert f" {' '.join(words_of(text[begin:end]))} " in f" {' '.join(words_of(text))} "


@given(text=st.text())
def test_words_are_letters_and_digits_without_a_space(text: str) -> None:
    """So that neither database separates or folds them again, and none needs an escape."""
    for word in words_of(text):
        assert 0 < len(word) <= WORD_CHARS_MAX
        assert not set(word) & set(" \t\n\x00'\"\\&|!():*<>-")
        if word.isascii():
            assert word.isalnum()
            assert word == word.lower()


@given(text=st.text())
def test_folding_a_folded_text_does_not_change_it(text: str) -> None:
    once = fold(text)

    assert fold(once) == once


@given(text=st.text() | st.text(alphabet="ab  密\n").map(lambda text: text * 150))
def test_the_words_in_one_text_are_the_words(text: str) -> None:
    assert joined_words(text) == " ".join(words_of(text))


def test_a_long_word_is_cut() -> None:
    """The index of PostgreSQL takes 2,046 bytes for a word."""
    assert words_of("x" * 5_000 + " y") == ["x" * WORD_CHARS_MAX, "y"]
