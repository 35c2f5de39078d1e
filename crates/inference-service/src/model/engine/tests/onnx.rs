//! ONNX files that no training makes.

/// An ONNX file with one input and a chain of operators without parameters, in just enough of protobuf.
pub(super) struct OnnxChain<'a> {
    pub(super) element_type: u64,
    /// Dimensions of the input; `None` is symbolic.
    pub(super) input: &'a [Option<u64>],
    pub(super) operators: &'a [&'a str],
    /// How many of the last values are outputs.
    pub(super) outputs: usize,
}

impl OnnxChain<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let dimensions: Vec<Vec<u8>> = self
            .input
            .iter()
            .map(|size| field(1, &size.map_or_else(|| field(2, b"N"), |size| varint_field(1, size))))
            .collect();
        let tensor = [varint_field(1, self.element_type), field(2, &dimensions.concat())].concat();
        let input = [field(1, b"v0"), field(2, &field(1, &tensor))].concat();
        let mut graph = [field(2, b"test"), field(11, &input)].concat();
        for (position, operator) in self.operators.iter().enumerate() {
            let (from, to) = (format!("v{position}"), format!("v{}", position + 1));
            let node = [field(1, from.as_bytes()), field(2, to.as_bytes()), field(4, operator.as_bytes())];
            graph.extend(field(1, &node.concat()));
        }
        for back in 0..self.outputs {
            graph.extend(field(12, &field(1, format!("v{}", self.operators.len() - back).as_bytes())));
        }
        [varint_field(1, 8), field(8, &varint_field(2, 17)), field(7, &graph)].concat()
    }
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn varint_field(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}
