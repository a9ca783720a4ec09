//! How a name becomes a key: what may be typed differently is taken away.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// `name` without case, accents, spaces, hyphens, apostrophes and other signs, `St` written in
/// full: `Côte d’Ivoire` and `cote-divoire` are both `cotedivoire`.
///
/// The same rules as `tools/gazetteer/folding.py`, which wrote the keys of the embedded index.
pub(super) fn fold(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.nfkd().flat_map(char::to_lowercase) {
        match letter {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'þ' => plain.push_str("th"),
            'ø' => plain.push('o'),
            'đ' | 'ð' => plain.push('d'),
            'ł' => plain.push('l'),
            'ı' => plain.push('i'),
            'ħ' => plain.push('h'),
            'ŋ' => plain.push('n'),
            'ə' => plain.push('e'),
            // Spacing modifier letters: the apostrophes of Hawaiian, Uzbek and romanised Arabic.
            '\u{2b0}'..='\u{2ff}' => {}
            letter if is_combining_mark(letter) => {}
            letter => plain.push(letter),
        }
    }
    plain
        .split(|letter: char| !letter.is_alphanumeric())
        .map(|word| match word {
            "st" => "saint",
            "ste" => "sainte",
            word => word,
        })
        .collect()
}
