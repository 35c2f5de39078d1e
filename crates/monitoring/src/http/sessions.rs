//! People who have shown a key to a page, and what their browsers show instead of it from then on.
//!
//! Rule of thumb: a session is worth what its key is worth, and no longer. It is known by a digest, changes its token while it is used,
//! and ends when its key leaves the file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Name of the cookie.
const COOKIE: &str = "glasshouse_session";
/// How long a session lasts that nobody ends.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
/// A token that is used after this time is replaced.
const ROTATION: Duration = Duration::from_secs(15 * 60);
/// How long a token that was replaced is still good: requests that were under way show it.
const GRACE: Duration = Duration::from_secs(30);
/// Most tokens of a key at a time; the one that ends first makes room. So nobody ends the sessions of another key.
const MOST_OF_A_KEY: usize = 50;

/// The sessions of a service. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    known: Arc<Mutex<HashMap<[u8; 32], Session>>>,
    /// Cookies are for encrypted connections alone.
    are_encrypted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    /// Digest of the key that was shown.
    key: [u8; 32],
    /// When this token was made.
    made: Instant,
    /// When this token ends.
    ends: Instant,
    /// When the session ends, whatever its token.
    last: Instant,
    is_replaced: bool,
}

/// What a token stands for.
pub(super) struct FoundSession {
    /// Digest of the key that was shown.
    pub(super) key: [u8; 32],
    /// A cookie that takes the place of the one that was shown.
    pub(super) rotated: Option<HeaderValue>,
}

impl Sessions {
    /// No sessions yet.
    pub(super) fn new(are_encrypted: bool) -> Self {
        Self { are_encrypted, ..Self::default() }
    }

    /// Begins a session for a key; the value is that of `Set-Cookie`.
    pub(super) fn begin(&self, key: [u8; 32], now: Instant) -> HeaderValue {
        self.add(key, now, now + LIFETIME)
    }

    /// Looks for the session of a request.
    pub(super) fn find(&self, headers: &HeaderMap, now: Instant) -> Option<FoundSession> {
        let digest = digest(token(headers)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let session = known.get_mut(&digest).filter(|session| now < session.ends)?;
        let key = session.key;
        if session.is_replaced || now < session.made + ROTATION {
            return Some(FoundSession { key, rotated: None });
        }
        session.is_replaced = true;
        session.ends = session.ends.min(now + GRACE);
        let last = session.last;
        drop(known);
        Some(FoundSession { key, rotated: Some(self.add(key, now, last)) })
    }

    /// Ends the session of a request; the value is that of `Set-Cookie`, which takes the cookie away.
    pub(super) fn end(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(token) = token(headers) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(token));
        }
        self.cookie("", Duration::ZERO)
    }

    fn add(&self, key: [u8; 32], now: Instant, last: Instant) -> HeaderValue {
        // Each has 74 random bits, or 32 and a counter where two are made in one millisecond.
        let random = [Uuid::now_v7(), Uuid::now_v7()].map(Uuid::into_bytes).concat();
        let token: String = Sha256::digest(random).iter().map(|byte| format!("{byte:02x}")).collect();
        let session = Session { key, made: now, ends: last, last, is_replaced: false };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, session| now < session.ends);
        let of_key = known.iter().filter(|(_, session)| session.key == key);
        if of_key.clone().count() >= MOST_OF_A_KEY {
            let first = of_key.min_by_key(|(_, session)| session.ends).map(|(digest, _)| *digest);
            first.map(|first| known.remove(&first));
        }
        known.insert(digest(token.as_bytes()), session);
        self.cookie(&token, last.saturating_duration_since(now))
    }

    fn cookie(&self, token: &str, lifetime: Duration) -> HeaderValue {
        let secure = if self.are_encrypted { "; Secure" } else { "" };
        let seconds = lifetime.as_secs();
        let cookie = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        let mut value = HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token in the cookies of a request.
fn token(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut tokens =
        cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="));
    tokens.next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(cookie: &HeaderValue) -> HeaderMap {
        let text = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        HeaderMap::from_iter([(header::COOKIE, format!("a=b; {text}; c=d").parse().unwrap())])
    }

    #[test]
    fn a_session_lasts_changes_its_token_and_ends() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let first = sessions.begin([7; 32], start);
        assert!(first.to_str().unwrap().ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"));
        let find = |cookie: &HeaderValue, after: Duration| sessions.find(&shown(cookie), start + after);
        let found = find(&first, Duration::from_secs(60)).unwrap();
        assert!(found.key == [7; 32] && found.rotated.is_none());
        let later = ROTATION + Duration::from_secs(1);
        let second = find(&first, later).unwrap().rotated.unwrap();
        assert_ne!(first, second);
        assert!(find(&first, later).unwrap().rotated.is_none(), "it is replaced once");
        assert!(find(&first, later + GRACE).is_none());
        let end = LIFETIME - Duration::from_secs(1);
        let third = find(&second, end).unwrap().rotated.unwrap();
        assert!(third.to_str().unwrap().contains("Max-Age=1;"));
        assert!(find(&third, LIFETIME).is_none());
        let other = sessions.begin([8; 32], start);
        assert!(sessions.end(&shown(&other)).to_str().unwrap().contains("=; Path=/; Max-Age=0"));
        assert!(find(&other, Duration::ZERO).is_none());
        assert!(sessions.find(&HeaderMap::new(), start).is_none());
    }

    #[test]
    fn a_key_has_at_most_so_many_and_no_other_key_pays_for_it() {
        let (sessions, start) = (Sessions { are_encrypted: true, ..Sessions::default() }, Instant::now());
        let other = sessions.begin([1; 32], start);
        let first = sessions.begin([2; 32], start);
        assert!(first.to_str().unwrap().ends_with("; Secure"));
        for number in 1..=MOST_OF_A_KEY as u64 {
            sessions.begin([2; 32], start + Duration::from_millis(number));
        }
        assert_eq!(sessions.known.lock().unwrap().len(), MOST_OF_A_KEY + 1);
        let find = |cookie: &HeaderValue| sessions.find(&shown(cookie), start + Duration::from_secs(2));
        assert!(find(&first).is_none(), "the oldest gave way");
        assert!(find(&other).is_some());
    }
}
