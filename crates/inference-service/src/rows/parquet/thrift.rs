//! Thrift's compact protocol, in which Parquet writes its index and the heads of its pages.
//!
//! Rule of thumb: nothing is allocated for a number that the bytes claim. Every value that is kept has stood in the bytes,
//! and takes one of a bounded number of places.

use super::FileFault;

/// Deepest nesting; the index of a file has eight levels.
const MOST_LEVELS: usize = 16;

/// A value of any type.
#[derive(Debug, PartialEq)]
pub(super) enum ThriftValue<'a> {
    Flag(bool),
    Whole(i64),
    /// Statistics alone have any, and nobody asks for them.
    Double,
    Bytes(&'a [u8]),
    List(Vec<ThriftValue<'a>>),
    Struct(ThriftStruct<'a>),
}

/// A structure: its members by their numbers. Of a number that comes twice, the first counts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ThriftStruct<'a>(Vec<(i16, ThriftValue<'a>)>);

impl<'a> ThriftStruct<'a> {
    fn member(&self, number: i16) -> Option<&ThriftValue<'a>> {
        self.0.iter().find(|(found, _)| *found == number).map(|(_, value)| value)
    }

    pub(super) fn whole(&self, number: i16) -> Option<i64> {
        if let Some(ThriftValue::Whole(whole)) = self.member(number) { Some(*whole) } else { None }
    }

    /// A count or a length, which is not negative.
    pub(super) fn size(&self, number: i16) -> Option<usize> {
        self.whole(number).and_then(|whole| usize::try_from(whole).ok())
    }

    pub(super) fn flag(&self, number: i16) -> Option<bool> {
        if let Some(ThriftValue::Flag(flag)) = self.member(number) { Some(*flag) } else { None }
    }

    pub(super) fn text(&self, number: i16) -> Option<&'a str> {
        let Some(ThriftValue::Bytes(bytes)) = self.member(number) else { return None };
        std::str::from_utf8(bytes).ok()
    }

    pub(super) fn list(&self, number: i16) -> Option<&[ThriftValue<'a>]> {
        if let Some(ThriftValue::List(list)) = self.member(number) { Some(list) } else { None }
    }

    pub(super) fn structure(&self, number: i16) -> Option<&Self> {
        self.member(number).and_then(ThriftValue::structure)
    }

    /// The number of the first member, which is the one that a union has.
    pub(super) fn first(&self) -> Option<i16> {
        self.0.first().map(|(number, _)| *number)
    }
}

impl<'a> ThriftValue<'a> {
    pub(super) fn structure(&self) -> Option<&ThriftStruct<'a>> {
        if let Self::Struct(structure) = self { Some(structure) } else { None }
    }
}

/// Reads structures that stand one behind the other.
pub(super) struct ThriftReader<'a> {
    bytes: &'a [u8],
    /// How many values may still be read.
    values: usize,
}

impl<'a> ThriftReader<'a> {
    /// Reads at most so many values.
    pub(super) fn new(bytes: &'a [u8], values: usize) -> Self {
        Self { bytes, values }
    }

    /// How many bytes are not read yet.
    pub(super) fn left(&self) -> usize {
        self.bytes.len()
    }

    /// The next structure.
    ///
    /// # Errors
    /// For bytes that are none, and for more values than are read.
    pub(super) fn structure(&mut self) -> Result<ThriftStruct<'a>, FileFault> {
        self.members(MOST_LEVELS)
    }

    fn members(&mut self, levels: usize) -> Result<ThriftStruct<'a>, FileFault> {
        let levels = levels.checked_sub(1).ok_or_else(|| FileFault::unreadable("its index is nested too deeply"))?;
        let mut members = Vec::new();
        let mut last: i16 = 0;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Ok(ThriftStruct(members));
            }
            let number = match head >> 4 {
                0 => i16::try_from(self.whole()?).ok(),
                step => last.checked_add(step.into()),
            };
            last = number.ok_or_else(damaged)?;
            let value = match kind {
                1 | 2 => ThriftValue::Flag(kind == 1),
                _ => self.value(kind, levels)?,
            };
            self.count()?;
            members.push((last, value));
        }
    }

    fn value(&mut self, kind: u8, levels: usize) -> Result<ThriftValue<'a>, FileFault> {
        match kind {
            // In a list, where each has a byte of its own.
            1 | 2 => Ok(ThriftValue::Flag(self.byte()? == 1)),
            3 => Ok(ThriftValue::Whole(i64::from(self.byte()?.cast_signed()))),
            4..=6 => self.whole().map(ThriftValue::Whole),
            7 => self.take(8).map(|_| ThriftValue::Double),
            8 => {
                let length = usize::try_from(self.unsigned()?).map_err(|_| damaged())?;
                self.take(length).map(ThriftValue::Bytes)
            }
            9 | 10 => self.elements(levels),
            12 => self.members(levels).map(ThriftValue::Struct),
            _ => Err(damaged()),
        }
    }

    fn elements(&mut self, levels: usize) -> Result<ThriftValue<'a>, FileFault> {
        let levels = levels.checked_sub(1).ok_or_else(damaged)?;
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).map_err(|_| damaged())?,
            count => usize::from(count),
        };
        // Every element takes a byte at least.
        if count > self.bytes.len() {
            return Err(damaged());
        }
        let mut elements = Vec::new();
        for _ in 0..count {
            self.count()?;
            elements.push(self.value(head & 0x0f, levels)?);
        }
        Ok(ThriftValue::List(elements))
    }

    fn count(&mut self) -> Result<(), FileFault> {
        let left = self.values.checked_sub(1);
        self.values = left.ok_or_else(|| FileFault::TooLarge("its index has too many entries".to_owned()))?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, FileFault> {
        let (first, rest) = self.bytes.split_first().ok_or_else(damaged)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FileFault> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(damaged)?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Seven bits a byte, the lowest first.
    fn unsigned(&mut self) -> Result<u64, FileFault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(damaged())
    }

    /// With the sign in the lowest bit.
    fn whole(&mut self) -> Result<i64, FileFault> {
        let number = self.unsigned()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

fn damaged() -> FileFault {
    FileFault::unreadable("its index is damaged")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: &[u8]) -> Result<ThriftStruct<'_>, FileFault> {
        ThriftReader::new(bytes, 100).structure()
    }

    #[test]
    fn members_of_every_type_are_read() {
        let bytes = [
            &[0x15, 0x03][..],                     // 1: -2
            &[0x11],                               // 2: true
            &[0x18, 0x02, b'h', b'i'],             // 3: "hi"
            &[0x19, 0x25, 0x02, 0x04],             // 4: [1, 2]
            &[0x1c, 0x00],                         // 5: {}
            &[0x06, 0x14, 0x80, 0x02],             // 10: 128
            &[0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x00], // 11: 0.0
        ]
        .concat();
        let read = read(&bytes).unwrap();
        assert_eq!((read.whole(1), read.size(1), read.flag(2), read.text(3)), (Some(-2), None, Some(true), Some("hi")));
        assert_eq!(read.list(4), Some(&[ThriftValue::Whole(1), ThriftValue::Whole(2)][..]));
        assert_eq!(
            (read.structure(5), read.size(10), read.first()),
            (Some(&ThriftStruct::default()), Some(128), Some(1))
        );
    }

    #[test]
    fn what_is_claimed_and_not_there_is_refused() {
        let nested = [0x1c; 1000];
        let lists = [&[0x19][..], &[0x19; 1000]].concat();
        for (bytes, says) in [
            (&[][..], "damaged"),
            (&[0x15], "damaged"),
            (&[0x18, 0xff, 0xff, 0xff, 0xff, 0x07], "damaged"),
            (&[0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07], "damaged"),
            (&[0x15, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "damaged"),
            (&[0x1b, 0x01], "damaged"),
            (&nested, "nested"),
            (&lists, "damaged"),
        ] {
            let fault = read(bytes).unwrap_err();
            assert!(matches!(&fault, FileFault::Unreadable(problem) if problem.contains(says)), "{bytes:?}: {fault:?}");
        }
        let many = [&[0x19, 0xf3, 0x70][..], &[0; 113]].concat();
        assert!(matches!(read(&many), Err(FileFault::TooLarge(_))));
    }
}
