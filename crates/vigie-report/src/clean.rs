//! Text from outside, made fit for paper.

/// `text` on one line of at most `letters_max` letters: control characters and the invisible ones that
/// reorder what is read (bidirectional overrides) become spaces or nothing, long words may break.
pub(crate) fn clean(text: &str, letters_max: usize) -> String {
    const WORD_LETTERS_MAX: usize = 28;
    let mut result = String::with_capacity(text.len());
    let (mut letters, mut word) = (0, 0);
    let mut space_due = false;
    for letter in text.chars() {
        if letter.is_whitespace() || letter.is_control() {
            space_due = letters > 0;
            continue;
        }
        if is_invisible(letter) {
            continue;
        }
        if letters >= letters_max {
            result.push('…');
            break;
        }
        if space_due {
            result.push(' ');
            word = 0;
            space_due = false;
        } else if word >= WORD_LETTERS_MAX {
            result.push('\u{200B}');
            word = 0;
        }
        result.push(letter);
        letters += 1;
        word += 1;
    }
    result
}

/// French words of the catalogue as they are printed: no line ends before a sign that has a space before it.
pub(crate) fn french_spaces(text: &str) -> String {
    let signs = [
        (" :", "\u{A0}:"),
        (" ;", "\u{202F};"),
        (" ?", "\u{202F}?"),
        (" !", "\u{202F}!"),
    ];
    let quotes = [("« ", "«\u{A0}"), (" »", "\u{A0}»")];
    let pairs = signs.into_iter().chain(quotes);
    pairs.fold(text.to_owned(), |text, (plain, printed)| {
        text.replace(plain, printed)
    })
}

/// The same, or `instead` where nothing is left: a heading must have words.
pub(crate) fn clean_or(text: &str, letters_max: usize, instead: &str) -> String {
    let text = clean(text, letters_max);
    if text.is_empty() {
        instead.to_owned()
    } else {
        text
    }
}

fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The address, if it is one that a reader may safely follow.
pub(crate) fn web_address(url: &str) -> Option<String> {
    let url = url.trim();
    let plain = url.starts_with("https://") || url.starts_with("http://");
    let tidy = url.len() <= 2000 && url.chars().all(|letter| letter.is_ascii_graphic());
    (plain && tidy).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_or_endless_does_not_reach_the_paper() {
        assert_eq!(clean(" a\tb\r\n\u{0}c \u{202E}d ", 100), "a b c d");
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(clean("abc", 3), "abc");
        assert_eq!(clean(&"x".repeat(60), 100).matches('\u{200B}').count(), 2);
        assert_eq!(
            clean("#panic() *x* $a$ <script>", 100),
            "#panic() *x* $a$ <script>"
        );
        assert_eq!(clean_or("\u{FEFF} \u{0}", 100, "id"), "id");
        assert_eq!(clean("東京 Москва Ålesund", 100), "東京 Москва Ålesund");
    }

    #[test]
    fn french_signs_stay_with_the_word_before() {
        assert_eq!(
            french_spaces("éCO2mix : « ouvert » ; ou non ?"),
            "éCO2mix\u{A0}: «\u{A0}ouvert\u{A0}»\u{202F}; ou non\u{202F}?"
        );
    }

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(
            web_address("https://a.example/b").as_deref(),
            Some("https://a.example/b")
        );
        assert_eq!(web_address("javascript:alert(1)"), None);
        assert_eq!(web_address("https://a.example/\u{202E}"), None);
    }
}
