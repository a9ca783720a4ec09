//! Secrets have a type of their own, which shows nothing.

use std::fmt;

/// A key or token. It prints as `***` everywhere; its text is had only by [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the request that needs it and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Replaces every occurrence of the secret in `text`: as it is, percent-encoded, and with the escapes of JSON for `/`.
    pub fn redact(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let (mut upper, mut lower) = (String::new(), String::new());
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                upper.push(char::from(byte));
                lower.push(char::from(byte));
            } else {
                use fmt::Write as _;
                // Writing to a `String` cannot fail.
                let _ = write!(upper, "%{byte:02X}");
                let _ = write!(lower, "%{byte:02x}");
            }
        }
        let escaped = self.0.replace('/', "\\/");
        [self.0.as_str(), &upper, &lower, &escaped]
            .iter()
            .fold(text.to_owned(), |text, form| text.replace(*form, "***"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_shows_nowhere() {
        let secret = Secret::new("s3cr+t/");
        assert_eq!(format!("{secret} {secret:?}"), "*** Secret(***)");
        assert_eq!(secret.redact("a?k=s3cr+t/&l=s3cr%2Bt%2F"), "a?k=***&l=***");
        assert_eq!(secret.redact(r#"s3cr%2bt%2f "s3cr+t\/""#), r#"*** "***""#);
    }
}
