//! Reads the configuration language of Grafana Alloy: blocks, attributes and expressions.
//!
//! No parser of it is published for Rust or Python, so this follows the written grammar, as far as a configuration
//! without arithmetic needs it. Rule of thumb: what is not known is an error, with its line.

use std::collections::BTreeMap;

use crate::alloy_tokens::{Token, Tokens};

/// A block, or the whole file, which has neither name nor label.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Block {
    /// Its name, dots included, as `loki.write`.
    pub(crate) name: String,
    /// The text between the name and the brace; empty where there is none.
    pub(crate) label: String,
    /// What is set in it.
    pub(crate) attributes: BTreeMap<String, Value>,
    /// The blocks in it, in their order.
    pub(crate) blocks: Vec<Block>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// A number, as it is written.
    Number(String),
    /// `[a, b]`.
    List(Vec<Value>),
    /// `{a = b}`.
    Object(BTreeMap<String, Value>),
    /// What another component exports, as `loki.write.loki.receiver`.
    Reference(String),
    /// `sys.env("A")`.
    Call(String, Vec<Value>),
    /// Texts one after another: `"a" + "b"`.
    Sum(Vec<Value>),
}

impl Block {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens::new(text)?;
        let mut file = Self::default();
        file.read_statements(&mut tokens)?;
        match tokens.next() {
            None => Ok(file),
            Some(token) => Err(tokens.error(&format!("unexpected {token:?}"))),
        }
    }

    /// The blocks of a name, in their order.
    pub(crate) fn all(&self, name: &str) -> Vec<&Block> {
        self.blocks.iter().filter(|block| block.name == name).collect()
    }

    /// The one block of a name.
    pub(crate) fn only(&self, name: &str) -> &Block {
        let blocks = self.all(name);
        assert_eq!(blocks.len(), 1, "blocks {name} in {}", self.name);
        blocks[0]
    }

    /// An attribute that is a text.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.attributes.get(name) {
            Some(Value::Text(text)) => text,
            other => panic!("{name} of {} is {other:?}", self.name),
        }
    }

    /// An attribute that is a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        match self.attributes.get(name) {
            Some(Value::List(values)) => values.iter().map(Value::as_text).collect(),
            other => panic!("{name} of {} is {other:?}", self.name),
        }
    }

    /// An attribute that is an object of texts.
    pub(crate) fn map(&self, name: &str) -> BTreeMap<String, String> {
        match self.attributes.get(name) {
            Some(Value::Object(members)) => members.iter().map(|(key, value)| (key.clone(), value.as_text())).collect(),
            other => panic!("{name} of {} is {other:?}", self.name),
        }
    }

    /// Attributes and blocks up to a closing brace or the end.
    fn read_statements(&mut self, tokens: &mut Tokens) -> Result<(), String> {
        while let Some(Token::Name(name)) = tokens.peek().cloned() {
            let line = tokens.line();
            tokens.next();
            if tokens.take('=') {
                let value = Value::read(tokens)?;
                if self.attributes.insert(name.clone(), value).is_some() {
                    return Err(tokens.error(&format!("{name} is set twice")));
                }
            } else {
                self.blocks.push(Self::read(name, tokens)?);
            }
            let ends_the_block = tokens.peek() == Some(&Token::Sign('}'));
            if tokens.peek().is_some() && !ends_the_block && tokens.line() == line {
                return Err(tokens.error("two statements on one line"));
            }
        }
        Ok(())
    }

    /// The rest of a block after its name.
    fn read(name: String, tokens: &mut Tokens) -> Result<Self, String> {
        let label = match tokens.peek().cloned() {
            Some(Token::Text(label)) => {
                tokens.next();
                label
            }
            _ => String::new(),
        };
        let mut block = Self { name, label, ..Self::default() };
        tokens.expect('{')?;
        block.read_statements(tokens)?;
        tokens.expect('}')?;
        Ok(block)
    }
}

impl Value {
    fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => panic!("no text: {other:?}"),
        }
    }

    fn read(tokens: &mut Tokens) -> Result<Self, String> {
        let mut terms = vec![Self::read_term(tokens)?];
        while tokens.take('+') {
            terms.push(Self::read_term(tokens)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Self::Sum(terms) })
    }

    fn read_term(tokens: &mut Tokens) -> Result<Self, String> {
        match tokens.next() {
            Some(Token::Text(text)) => Ok(Self::Text(text)),
            Some(Token::Number(number)) => Ok(Self::Number(number)),
            Some(Token::Sign('[')) => Ok(Self::List(list(tokens, ']', Self::read)?)),
            Some(Token::Sign('{')) => {
                let members = list(tokens, '}', |tokens| match tokens.next() {
                    Some(Token::Name(key) | Token::Text(key)) => {
                        tokens.expect('=')?;
                        Ok((key, Self::read(tokens)?))
                    }
                    other => Err(tokens.error(&format!("no key: {other:?}"))),
                })?;
                Ok(Self::Object(members.into_iter().collect()))
            }
            Some(Token::Name(name)) => match tokens.take('(') {
                true => Ok(Self::Call(name, list(tokens, ')', Self::read)?)),
                false => Ok(Self::Reference(name)),
            },
            other => Err(tokens.error(&format!("no value: {other:?}"))),
        }
    }
}

/// Elements with commas between them, up to and with the closing sign; one may follow the last.
fn list<T>(tokens: &mut Tokens, end: char, read: impl Fn(&mut Tokens) -> Result<T, String>) -> Result<Vec<T>, String> {
    let mut elements = Vec::new();
    while !tokens.take(end) {
        elements.push(read(tokens)?);
        if !tokens.take(',') {
            tokens.expect(end)?;
            break;
        }
    }
    Ok(elements)
}
