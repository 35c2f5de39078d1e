//! When a certificate ends.
//!
//! Source of the structure: RFC 5280, section 4.1; of its bytes: X.690, the distinguished encoding rules.

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Unix time of `notAfter`; `None` if this is no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<i64> {
    let mut outer = Elements(certificate).next(SEQUENCE)?;
    let mut signed = outer.next(SEQUENCE)?;
    signed.skip(VERSION);
    signed.next(INTEGER)?; // serial number
    signed.next(SEQUENCE)?; // algorithm of the signature
    signed.next(SEQUENCE)?; // issuer
    let mut validity = signed.next(SEQUENCE)?;
    validity.any()?; // notBefore
    match validity.any()? {
        (UTC_TIME, text) => {
            // Two digits: 1950 to 2049.
            let century: &[u8] = if text.first()? >= &b'5' { b"19" } else { b"20" };
            unix(&[century, text].concat())
        }
        (GENERALIZED_TIME, text) => unix(text),
        _ => None,
    }
}

/// What follows one another in the bytes of an element.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The content of the next element, which has this tag.
    fn next(&mut self, tag: u8) -> Option<Elements<'a>> {
        let (found, content) = self.any()?;
        (found == tag).then_some(Elements(content))
    }

    /// Leaves the next element out if it has this tag.
    fn skip(&mut self, tag: u8) {
        if self.0.first() == Some(&tag) {
            self.any();
        }
    }

    /// Tag and content of the next element.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            // That many bytes hold the length; four are enough for any file.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

/// Unix time of `YYYYMMDDHHMMSSZ`.
fn unix(text: &[u8]) -> Option<i64> {
    let digits =
        text.strip_suffix(b"Z").filter(|digits| digits.len() == 14 && digits.iter().all(u8::is_ascii_digit))?;
    let number = |from, to| digits[from..to].iter().fold(0_i64, |number, digit| number * 10 + i64::from(digit - b'0'));
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    if !(1..=12).contains(&month) {
        return None;
    }
    // Years that begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + number(8, 10) * 3600 + number(10, 12) * 60 + number(12, 14))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, expected) in [
            ("19700101000000Z", Some(0)),
            ("20000229120000Z", Some(951_825_600)),
            ("20380119031407Z", Some(2_147_483_647)),
            ("20500101000000Z", Some(2_524_608_000)),
            ("99991231235959Z", Some(253_402_300_799)),
            ("20001301000000Z", None),
            ("200001010000Z", None),
            ("20000101000000+", None),
        ] {
            assert_eq!(unix(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn certificates_end_when_they_say() {
        for (year, expected) in [(2030, 1_893_456_000), (2049, 2_493_072_000), (2060, 2_840_140_800)] {
            let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            let certificate = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
            assert_eq!(not_after(certificate.der()), Some(expected), "{year}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_are_it_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = not_after(&bytes);
            let _ = not_after(&[&[0x30, 0x82, 0x01, 0x00, 0x30, 0x81, 0xf0][..], &bytes].concat());
        }
    }
}
