//! A message of protobuf in its text form, read without its schema.

/// Deepest nesting of messages.
const MAX_DEPTH: usize = 16;

/// The fields of a message, in their order; one that is repeated comes as often.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TextMessage {
    fields: Vec<(String, FieldValue)>,
}

/// The value of a field.
#[derive(Debug, PartialEq)]
enum FieldValue {
    /// A number, a name of an enum, or a text without its quotes.
    Scalar(String),
    Message(TextMessage),
}

impl TextMessage {
    /// Reads a message; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut rest = &tokens[..];
        let message = Self::fields(&mut rest, None, 0)?;
        rest.is_empty().then_some(message)
    }

    /// Whether a field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The scalars of a field.
    pub(super) fn texts(&self, name: &str) -> Vec<&str> {
        self.values(name)
            .filter_map(|value| if let FieldValue::Scalar(text) = value { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The first scalar of a field.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).first().copied()
    }

    /// The numbers of a field that are whole and not negative.
    pub(super) fn numbers(&self, name: &str) -> Vec<u64> {
        self.texts(name).into_iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// The first of these numbers.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.numbers(name).first().copied()
    }

    /// The messages of a field.
    pub(super) fn messages(&self, name: &str) -> Vec<&Self> {
        self.values(name)
            .filter_map(|value| if let FieldValue::Message(message) = value { Some(message) } else { None })
            .collect()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &FieldValue> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value)
    }

    /// Reads fields up to `end`, or to the end of the text.
    fn fields(rest: &mut &[TextToken], end: Option<char>, depth: usize) -> Option<Self> {
        let mut message = Self::default();
        loop {
            let is_over = match end {
                Some(end) => skip(rest, end),
                None => rest.is_empty(),
            };
            if is_over {
                return Some(message);
            }
            if skip(rest, ',') || skip(rest, ';') {
                continue;
            }
            let name = word(rest)?;
            let has_colon = skip(rest, ':');
            if skip(rest, '[') {
                while !skip(rest, ']') {
                    if !skip(rest, ',') {
                        message.fields.push((name.clone(), value(rest, true, depth)?));
                    }
                }
            } else {
                message.fields.push((name, value(rest, has_colon, depth)?));
            }
        }
    }
}

/// A message, or a scalar if there may be one.
fn value(rest: &mut &[TextToken], may_be_scalar: bool, depth: usize) -> Option<FieldValue> {
    for (open, close) in [('{', '}'), ('<', '>')] {
        if skip(rest, open) {
            let inner = (depth < MAX_DEPTH).then(|| TextMessage::fields(rest, Some(close), depth + 1))??;
            return Some(FieldValue::Message(inner));
        }
    }
    if may_be_scalar { word(rest).map(FieldValue::Scalar) } else { None }
}

/// A word, a text, or a sign.
#[derive(Debug, PartialEq)]
enum TextToken {
    Word(String),
    Sign(char),
}

/// Passes over a sign, if it comes next.
fn skip(rest: &mut &[TextToken], sign: char) -> bool {
    let comes = rest.first() == Some(&TextToken::Sign(sign));
    if comes {
        *rest = &rest[1..];
    }
    comes
}

fn word(rest: &mut &[TextToken]) -> Option<String> {
    let (TextToken::Word(word), behind) = rest.split_first()? else { return None };
    *rest = behind;
    Some(word.clone())
}

/// The tokens of a text, without comments; `None` for a text in quotes that does not end.
fn tokens(text: &str) -> Option<Vec<TextToken>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' => while characters.next_if(|next| *next != '\n').is_some() {},
            quote @ ('"' | '\'') => {
                let mut content = String::new();
                loop {
                    match characters.next()? {
                        '\\' => content.extend(characters.next()),
                        end if end == quote => break,
                        other => content.push(other),
                    }
                }
                tokens.push(TextToken::Word(content));
            }
            blank if blank.is_whitespace() => {}
            sign @ ('{' | '}' | '[' | ']' | '<' | '>' | ':' | ',' | ';') => tokens.push(TextToken::Sign(sign)),
            first => {
                let mut word = String::from(first);
                let is_part = |next: &char| next.is_alphanumeric() || matches!(next, '_' | '.' | '-' | '+');
                while let Some(next) = characters.next_if(is_part) {
                    word.push(next);
                }
                tokens.push(TextToken::Word(word));
            }
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_come_in_every_spelling() {
        let message =
            TextMessage::parse("a: 1, b: \"x # y\" # no field: 2\n c { d: -1 } c: < d: 'z' >; e: [ 1, 2 ] e: 3")
                .unwrap();
        assert_eq!((message.number("a"), message.text("b")), (Some(1), Some("x # y")));
        let inner: Vec<_> = message.messages("c").iter().filter_map(|inner| inner.text("d")).collect();
        assert_eq!(inner, ["-1", "z"]);
        assert_eq!(message.numbers("e"), [1, 2, 3]);
        assert!(!message.has("d"));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let deep = "a {".repeat(20) + &"}".repeat(20);
        for text in ["a", "a:", "a: {", "}", "a: [1", "\"a", "a 1", &deep] {
            assert_eq!(TextMessage::parse(text), None, "{text}");
        }
    }
}
