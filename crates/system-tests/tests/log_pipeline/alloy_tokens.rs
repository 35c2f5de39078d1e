//! The words and signs of a configuration of Grafana Alloy.

/// A word or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, dots included.
    Name(String),
    /// A text, without its quotation marks.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// A brace, a comma and their like.
    Sign(char),
}

/// Tokens to be read one after another, each with its line.
pub(crate) struct Tokens {
    tokens: Vec<(Token, usize)>,
    position: usize,
}

impl Tokens {
    /// Splits a text into its tokens; comments are none.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let mut rest = line.trim_start();
            while !rest.is_empty() && !rest.starts_with("//") {
                let (token, length) = first(rest).ok_or_else(|| format!("line {number}: cannot be read: {rest}"))?;
                tokens.push((token, number));
                rest = rest[length..].trim_start();
            }
        }
        Ok(Self { tokens, position: 0 })
    }

    /// The token to be read next.
    pub(crate) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|(token, _)| token)
    }

    /// Reads one token.
    pub(crate) fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.position += 1;
        token
    }

    /// Reads a sign if it is the next token, and says whether it was.
    pub(crate) fn take(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.position += usize::from(found);
        found
    }

    /// Reads a sign that has to be there.
    pub(crate) fn expect(&mut self, sign: char) -> Result<(), String> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(self.error(&format!("expected {sign:?}, found {:?}", self.peek()))),
        }
    }

    /// The line of the token to be read next; at the end, the last line.
    pub(crate) fn line(&self) -> usize {
        let position = self.position.min(self.tokens.len().saturating_sub(1));
        self.tokens.get(position).map_or(0, |(_, line)| *line)
    }

    /// A complaint with its line.
    pub(crate) fn error(&self, complaint: &str) -> String {
        format!("line {}: {complaint}", self.line())
    }
}

/// The first token of a text, and its length in bytes.
fn first(text: &str) -> Option<(Token, usize)> {
    let start = text.chars().next()?;
    let length_while = |belongs: fn(char) -> bool| text.find(|character| !belongs(character)).unwrap_or(text.len());
    match start {
        '"' => {
            let inner = &text[1..];
            let end = inner.find('"')?;
            // An escape would need more reading than any value here.
            (!inner[..end].contains('\\')).then(|| (Token::Text(inner[..end].to_owned()), end + 2))
        }
        '{' | '}' | '[' | ']' | '(' | ')' | '=' | ',' | '+' => Some((Token::Sign(start), 1)),
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = length_while(|character| character.is_ascii_alphanumeric() || "_.".contains(character));
            Some((Token::Name(text[..length].to_owned()), length))
        }
        '0'..='9' => {
            let length = length_while(|character| character.is_ascii_digit());
            Some((Token::Number(text[..length].to_owned()), length))
        }
        _ => None,
    }
}
