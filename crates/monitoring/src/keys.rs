//! Bearer keys: those that a service accepts, and the one that it shows to another service.
//!
//! Rule of thumb: a key is in its file and in the head of a request, and nowhere else. The service keeps digests, and logs
//! have the name of a key.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::http::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};
use tracing::warn;

use crate::credentials::{Credential, CredentialError, CredentialMetrics, CredentialSource, CurrentCredential};

/// How many characters a key has; the least is too many to guess.
const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=512;
/// Most characters of a key's name.
const MAX_NAME_CHARACTERS: usize = 64;
/// Most keys of a file.
const MAX_KEYS: usize = 1000;
/// The name of a key that has none.
const UNNAMED: &str = "unnamed";

/// The keys that a service accepts. Clones share them.
#[derive(Clone)]
pub struct ApiKeys(CurrentCredential<Vec<KnownKey>>);

/// A key that the service accepts.
struct KnownKey {
    name: Arc<str>,
    right: KeyRight,
    digest: [u8; 32],
}

/// What a key is good for. Each has what those before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyRight {
    /// Asking.
    Read,
    /// Giving labels, too.
    Label,
    /// Everything.
    All,
}

/// A key that was shown, and is known.
#[derive(Clone, Debug)]
pub(crate) struct ShownKey {
    pub(crate) name: Arc<str>,
    pub(crate) right: KeyRight,
    /// SHA-256 of the key.
    pub(crate) digest: [u8; 32],
}

/// The key to show to another service. Clones share it.
#[derive(Clone)]
pub struct OutgoingKey(CurrentCredential<HeaderValue>);

impl ApiKeys {
    /// Reads a file of keys, one a line, and reads it again when it changes.
    ///
    /// # Errors
    /// [`CredentialError`] where the file cannot be used, or holds no key.
    pub fn follow(file: &Path, metrics: &CredentialMetrics) -> Result<Self, CredentialError> {
        warn_of_readers("--api-keys", file);
        let files = vec![file.to_owned()];
        let read = |files: &[Vec<u8>]| Ok(parse(files)?.into_iter().map(|key| key.known()).collect());
        let source = CredentialSource { credential: Credential::ApiKeys, flag: "--api-keys", files, read };
        CurrentCredential::follow(source, metrics).map(Self)
    }

    /// The key that was shown, if it is one of these. The time it takes depends on the length of the key alone.
    pub(crate) fn find(&self, shown: &[u8]) -> Option<ShownKey> {
        self.known(&Sha256::digest(shown).into())
    }

    /// The key with this digest, if it is one of these.
    pub(crate) fn known(&self, digest: &[u8; 32]) -> Option<ShownKey> {
        let known = self.0.get();
        let mut found = u32::MAX;
        // Every key is compared, whichever it is.
        for (position, key) in (0..).zip(known.iter()) {
            found.conditional_assign(&position, key.digest.ct_eq(digest));
        }
        let key = known.get(found as usize)?;
        Some(ShownKey { name: key.name.clone(), right: key.right, digest: key.digest })
    }
}

impl OutgoingKey {
    /// Reads a file with one key, and reads it again when it changes. `flag` is what names the file.
    ///
    /// # Errors
    /// [`CredentialError`] where the file cannot be used.
    pub fn follow(flag: &'static str, file: &Path, metrics: &CredentialMetrics) -> Result<Self, CredentialError> {
        warn_of_readers(flag, file);
        let source =
            CredentialSource { credential: Credential::LogKey, flag, files: vec![PathBuf::from(file)], read: only_key };
        CurrentCredential::follow(source, metrics).map(Self)
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        (*self.0.get()).clone()
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.get().len())
    }
}

impl fmt::Debug for OutgoingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OutgoingKey")
    }
}

/// One line of a file.
struct KeyLine<'a> {
    name: &'a str,
    right: KeyRight,
    key: &'a str,
}

impl KeyLine<'_> {
    fn known(&self) -> KnownKey {
        KnownKey { name: self.name.into(), right: self.right, digest: Sha256::digest(self.key).into() }
    }
}

/// The keys of a file.
fn parse(files: &[Vec<u8>]) -> Result<Vec<KeyLine<'_>>, String> {
    let [file] = files else { return Err("there must be one file".to_owned()) };
    let text = str::from_utf8(file).map_err(|_| "it is not text".to_owned())?;
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        keys.push(key(line).map_err(|problem| format!("line {number}: {problem}"))?);
    }
    match keys.len() {
        0 => Err("it holds no key".to_owned()),
        1..=MAX_KEYS => Ok(keys),
        _ => Err(format!("it holds more than {MAX_KEYS} keys")),
    }
}

fn key(line: &str) -> Result<KeyLine<'_>, String> {
    let (named, key) =
        line.split_once(':').map_or((UNNAMED, line), |(named, key)| (named.trim_end(), key.trim_start()));
    let (name, right) = named.split_once(' ').map_or((named, ""), |(name, right)| (name, right.trim()));
    let right = match right {
        "" | "all" => KeyRight::All,
        "label" => KeyRight::Label,
        "read" => KeyRight::Read,
        _ => return Err("behind the name of a key stands read, label or all".to_owned()),
    };
    let is_in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME_CHARACTERS || !name.bytes().all(is_in_names) {
        return Err(format!("a name has 1 to {MAX_NAME_CHARACTERS} letters, digits, and - . _"));
    }
    // The characters of a token in RFC 6750, so that every client sends the key unchanged.
    let is_in_keys = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !KEY_CHARACTERS.contains(&key.len()) || !key.bytes().all(is_in_keys) {
        let (least, most) = (KEY_CHARACTERS.start(), KEY_CHARACTERS.end());
        return Err(format!("a key has {least} to {most} letters, digits, and - . _ ~ + / ="));
    }
    Ok(KeyLine { name, right, key })
}

fn only_key(files: &[Vec<u8>]) -> Result<HeaderValue, String> {
    match parse(files)?.as_slice() {
        [line] => {
            let value = HeaderValue::try_from(format!("Bearer {}", line.key));
            let mut value = value.map_err(|_| "it holds no key".to_owned())?;
            // Debug output then shows "Sensitive" in place of the key.
            value.set_sensitive(true);
            Ok(value)
        }
        keys => Err(format!("it holds {} keys, and one is wanted", keys.len())),
    }
}

/// Containers get their secrets readable by all, so this does not keep the service from starting.
fn warn_of_readers(flag: &str, file: &Path) {
    if fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        warn!(flag, file = %file.display(), "every user of this machine may read a file of keys");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::MetricsRegistry;

    const KEY: &str = "0123456789abcdef";

    fn parsed(text: &str) -> Result<Vec<(String, String)>, String> {
        let files = [text.as_bytes().to_vec()];
        Ok(parse(&files)?.iter().map(|line| (line.name.to_owned(), line.key.to_owned())).collect())
    }

    #[test]
    fn a_file_has_a_key_a_line() {
        let text = format!("# of the team\n\n ann: {KEY}ann== \r\n{KEY}\n  # the end\n");
        let expected = [("ann".to_owned(), format!("{KEY}ann==")), (UNNAMED.to_owned(), KEY.to_owned())];
        assert_eq!(parsed(&text).unwrap(), expected);
    }

    #[test]
    fn a_key_may_be_for_less_than_all() {
        let text = format!("a: {KEY}\nb read: {KEY}\nc  label:{KEY}\nd all:{KEY}\n{KEY}\n");
        let files = [text.into_bytes()];
        let rights: Vec<KeyRight> = parse(&files).unwrap().iter().map(|line| line.right).collect();
        assert_eq!(rights, [KeyRight::All, KeyRight::Read, KeyRight::Label, KeyRight::All, KeyRight::All]);
        assert!(KeyRight::Read < KeyRight::Label && KeyRight::Label < KeyRight::All);
    }

    #[test]
    fn a_refusal_quotes_no_key() {
        for (text, says) in [
            (String::new(), "no key"),
            ("# nothing\n".to_owned(), "no key"),
            (format!("{KEY}\nshort-s3cr3t"), "line 2"),
            (format!("ann:{KEY} s3cr3t"), "line 1"),
            (format!("a b:{KEY}s3cr3t"), "read, label or all"),
            (format!("a read all:{KEY}s3cr3t"), "read, label or all"),
            (format!(":{KEY}s3cr3t"), "name"),
            (format!("{KEY}s3cr3t:ann"), "key has 16"),
            (format!("{KEY}s3cr3t").repeat(30), "512"),
            (format!("{KEY}s3cr3t\n").repeat(MAX_KEYS + 1), "more than 1000"),
        ] {
            let problem = parsed(&text).unwrap_err();
            assert!(problem.contains(says) && !problem.contains("s3cr3t"), "{text}: {problem}");
        }
        assert!(parse(&[vec![0xff; 20]]).is_err());
    }

    #[test]
    fn there_is_one_outgoing_key_and_debug_output_hides_it() {
        let value = only_key(&[format!("log:{KEY}\n").into_bytes()]).unwrap();
        assert_eq!(value, format!("Bearer {KEY}"));
        assert!(!format!("{value:?}").contains(KEY));
        assert!(only_key(&[format!("{KEY}\n{KEY}x\n").into_bytes()]).is_err());
    }

    #[tokio::test]
    async fn only_a_whole_key_is_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!("ann:{KEY}1\nbob:{KEY}2\n{KEY}3\n")).unwrap();
        let metrics = CredentialMetrics::register(&MetricsRegistry::new("test", "1").unwrap()).unwrap();
        let keys = ApiKeys::follow(file.path(), &metrics).unwrap();
        for (shown, name) in [
            (format!("{KEY}1"), Some("ann")),
            (format!("{KEY}2"), Some("bob")),
            (format!("{KEY}3"), Some(UNNAMED)),
            (KEY.to_owned(), None),
            (format!("{KEY}12"), None),
            (format!("ann:{KEY}1"), None),
            (String::new(), None),
        ] {
            assert_eq!(keys.find(shown.as_bytes()).map(|key| key.name).as_deref(), name, "{shown}");
        }
        assert!(!format!("{keys:?}").contains(KEY));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(.{0,40}\n){0,5}") {
            if let Ok(keys) = parsed(&text) {
                prop_assert!(!keys.is_empty());
                for (_, key) in keys {
                    prop_assert!(KEY_CHARACTERS.contains(&key.len()) && text.contains(&key));
                }
            }
        }
    }
}
