//! ONNX files that no training makes: just enough of protobuf for operators without parameters.

/// A type of elements, by its number in ONNX.
#[derive(Clone, Copy)]
pub(crate) enum Element {
    Float32 = 1,
    Uint8 = 2,
    Int32 = 6,
    Int64 = 7,
    Text = 8,
    Bool = 9,
    Float16 = 10,
    Float64 = 11,
}

/// A tensor of a graph: name, type, and sizes, of which some may be open.
pub(crate) type Tensor<'a> = (&'a str, Element, &'a [Option<u64>]);

/// An input of which the file has the value; all its sizes may be open.
pub(crate) struct Default<'a> {
    pub(crate) tensor: Tensor<'a>,
    pub(crate) sizes: &'a [u64],
    pub(crate) numbers: &'a [f32],
}

/// A model of these inputs, operators (each with the names of its inputs and of its output) and outputs. Whole numbers are
/// attributes of an operator as in `ArgMax axis=1`.
pub(crate) fn graph(inputs: &[Tensor<'_>], operators: &[(&str, &[&str], &str)], outputs: &[Tensor<'_>]) -> Vec<u8> {
    graph_with_defaults(inputs, &[], operators, outputs)
}

/// The same, with inputs that may be left out.
pub(crate) fn graph_with_defaults(
    inputs: &[Tensor<'_>],
    defaults: &[Default<'_>],
    operators: &[(&str, &[&str], &str)],
    outputs: &[Tensor<'_>],
) -> Vec<u8> {
    let tensor = |(name, element, sizes): &Tensor<'_>| {
        let size = |size: &Option<u64>| field(1, &size.map_or_else(|| field(2, b"N"), |size| varint_field(1, size)));
        let shape: Vec<u8> = sizes.iter().flat_map(size).collect();
        let described = [varint_field(1, *element as u64), field(2, &shape)].concat();
        value(name, &field(2, &field(1, &described)))
    };
    let mut graph = field(2, b"graph");
    for (operator, from, to) in operators {
        let from: Vec<u8> = from.iter().flat_map(|name| field(1, name.as_bytes())).collect();
        let (operator, attributes) = operator.split_once(' ').unwrap_or((operator, ""));
        let attribute = |(name, number): (&str, &str)| {
            let (number, whole) = (varint_field(3, number.parse().unwrap()), varint_field(20, 2));
            field(5, &[field(1, name.as_bytes()), number, whole].concat())
        };
        let attributes: Vec<u8> =
            attributes.split_whitespace().filter_map(|text| text.split_once('=')).flat_map(attribute).collect();
        graph.extend(field(1, &[from, field(2, to.as_bytes()), field(4, operator.as_bytes()), attributes].concat()));
    }
    graph.extend(inputs.iter().flat_map(|input| field(11, &tensor(input))));
    for Default { tensor: described, sizes, numbers } in defaults {
        let (name, element, _) = described;
        let dims: Vec<u8> = sizes.iter().flat_map(|size| varint_field(1, *size)).collect();
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let held = [dims, varint_field(2, *element as u64), field(8, name.as_bytes()), field(9, &raw)].concat();
        graph.extend([field(5, &held), field(11, &tensor(described))].concat());
    }
    graph.extend(outputs.iter().flat_map(|output| field(12, &tensor(output))));
    model(&graph)
}

/// A model with one grey picture of `[height, width]` as its input.
pub(crate) fn chain([height, width]: [u64; 2], operators: &[&str]) -> Vec<u8> {
    let sizes = [1, 1, height, width].map(|size| field(1, &varint_field(1, size)));
    let float32 = varint_field(1, 1);
    let tensor = [float32, field(2, &sizes.concat())].concat();
    let mut graph = [field(2, b"chain"), field(11, &value("v0", &field(2, &field(1, &tensor))))].concat();
    for (position, operator) in operators.iter().enumerate() {
        let (from, to) = (format!("v{position}"), format!("v{}", position + 1));
        let node = [field(1, from.as_bytes()), field(2, to.as_bytes()), field(4, operator.as_bytes())];
        graph.extend(field(1, &node.concat()));
    }
    graph.extend(field(12, &value(&format!("v{}", operators.len()), &[])));
    model(&graph)
}

/// A model of a grey picture of 1 x 3, to which it adds three numbers from a file beside it.
pub(crate) fn with_weights_in(location: &str) -> Vec<u8> {
    let sizes = [1, 1, 1, 3].map(|size| field(1, &varint_field(1, size)));
    let float32 = varint_field(1, 1);
    let picture = [float32.clone(), field(2, &sizes.concat())].concat();
    let entry = field(13, &[field(1, b"location"), field(2, location.as_bytes())].concat());
    let type_and_name = [varint_field(2, 1), field(8, b"weights")].concat();
    let weights = [varint_field(1, 3), type_and_name, entry, varint_field(14, 1)].concat();
    let add = [field(1, b"v0"), field(1, b"weights"), field(2, b"v1"), field(4, b"Add")];
    let flatten = [field(1, b"v1"), field(2, b"v2"), field(4, b"Flatten")];
    let nodes = [field(1, &add.concat()), field(1, &flatten.concat())].concat();
    let inputs = field(11, &value("v0", &field(2, &field(1, &picture))));
    model(&[nodes, field(2, b"weighted"), field(5, &weights), inputs, field(12, &value("v2", &[]))].concat())
}

/// A model that looks up rows of one number each in a file beside it.
pub(crate) fn embedding_in(location: &str, rows: u64) -> Vec<u8> {
    let entry = field(13, &[field(1, b"location"), field(2, location.as_bytes())].concat());
    let weights = [varint_field(1, rows), varint_field(2, 1), field(8, b"rows"), entry, varint_field(14, 1)].concat();
    let gather = [field(1, b"rows"), field(1, b"x"), field(2, b"y"), field(4, b"Gather")].concat();
    let tensor = |name: &str, element: u64| {
        let shape = field(1, &field(2, b"N"));
        value(name, &field(2, &field(1, &[varint_field(1, element), field(2, &shape)].concat())))
    };
    let (input, output) = (field(11, &tensor("x", 7)), field(12, &tensor("y", 1)));
    model(&[field(1, &gather), field(2, b"embedding"), field(5, &weights), input, output].concat())
}

fn model(graph: &[u8]) -> Vec<u8> {
    let (intermediate_representation, operator_set) = (varint_field(1, 8), field(8, &varint_field(2, 17)));
    [intermediate_representation, operator_set, field(7, graph)].concat()
}

fn value(name: &str, shape: &[u8]) -> Vec<u8> {
    [field(1, name.as_bytes()), shape.to_vec()].concat()
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

/// A field with a whole number, in protobuf.
pub(crate) fn varint_field(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A field with bytes, in protobuf.
pub(crate) fn field(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}
