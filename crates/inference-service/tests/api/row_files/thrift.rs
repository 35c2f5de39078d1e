//! Parquet files that no library writes: their index and the heads of their pages say what a test wants.

/// A structure of Thrift's compact protocol.
#[derive(Clone, Default)]
pub(super) struct Structure {
    bytes: Vec<u8>,
    last: u8,
}

impl Structure {
    fn member(mut self, number: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((number - self.last) << 4 | kind);
        self.bytes.extend(value);
        self.last = number;
        self
    }

    pub(super) fn whole(self, number: u8, whole: i64) -> Self {
        self.member(number, 6, &unsigned((whole << 1 ^ whole >> 63).cast_unsigned()))
    }

    pub(super) fn text(self, number: u8, text: &str) -> Self {
        self.member(number, 8, &[&unsigned(text.len() as u64), text.as_bytes()].concat())
    }

    pub(super) fn structure(self, number: u8, structure: &Self) -> Self {
        self.member(number, 12, &structure.ended())
    }

    pub(super) fn list(self, number: u8, structures: &[Self]) -> Self {
        let elements = structures.iter().flat_map(Self::ended);
        let list: Vec<u8> = std::iter::once(0xfc).chain(unsigned(structures.len() as u64)).chain(elements).collect();
        self.member(number, 9, &list)
    }

    pub(super) fn ended(&self) -> Vec<u8> {
        [&self.bytes[..], &[0]].concat()
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn unsigned(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A column `c` of texts that every row has, or a column `n` of numbers.
#[derive(Clone)]
pub(super) struct CraftedFile {
    pub(super) column: &'static str,
    pub(super) physical: i64,
    pub(super) codec: i64,
    pub(super) rows: i64,
    pub(super) pages: Vec<u8>,
    /// How many row groups there are, of the same pages.
    pub(super) groups: usize,
}

impl CraftedFile {
    pub(super) fn of_texts(rows: i64, pages: Vec<u8>) -> Self {
        Self { column: "c", physical: 6, codec: 0, rows, pages, groups: 1 }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let root = Structure::default().text(4, "schema").whole(5, 1);
        let column = Structure::default().whole(1, self.physical).whole(3, 0).text(4, self.column);
        let data = Structure::default()
            .whole(1, self.physical)
            .whole(4, self.codec)
            .whole(5, self.rows)
            .whole(7, self.pages.len() as i64)
            .whole(9, 4);
        let chunk = Structure::default().structure(3, &data);
        let group = Structure::default().list(1, &[chunk]).whole(3, self.rows);
        let groups = vec![group; self.groups];
        let rows = self.rows.saturating_mul(self.groups as i64);
        let index = Structure::default().whole(1, 1).list(2, &[root, column]).whole(3, rows).list(4, &groups);
        ended(&self.pages, &index.ended())
    }
}

/// A file of these pages and this index.
pub(super) fn ended(pages: &[u8], index: &[u8]) -> Vec<u8> {
    [b"PAR1", pages, index, &(index.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

/// A page of values, in the first version of the format.
pub(super) fn data_page(values: i64, encoding: i64, unpacked: i64, bytes: &[u8]) -> Vec<u8> {
    let data = Structure::default().whole(1, values).whole(2, encoding).whole(3, 3).whole(4, 3);
    page(0, unpacked, bytes, 5, &data)
}

/// A dictionary.
pub(super) fn dictionary_page(values: i64, unpacked: i64, bytes: &[u8]) -> Vec<u8> {
    page(2, unpacked, bytes, 7, &Structure::default().whole(1, values).whole(2, 0))
}

fn page(kind: i64, unpacked: i64, bytes: &[u8], place: u8, inner: &Structure) -> Vec<u8> {
    let head = Structure::default().whole(1, kind).whole(2, unpacked).whole(3, bytes.len() as i64);
    [head.structure(place, inner).ended(), bytes.to_vec()].concat()
}

/// A text as the plain encoding has it.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text].concat()
}
