//! JSON that has an object wherever a struct is read.
//!
//! Rule of thumb: serde's derived readers take an array as the members in the order of their definition. Then a body of
//! another form is read as something that nobody said, and one more member changes what it says. So whatever comes from
//! outside is read through here, at every depth.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Reads one JSON value, and nothing after it.
///
/// # Errors
/// What is no JSON, or has another form than the type, an array in place of an object among it.
pub fn read_json<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = T::deserialize(ObjectsOnly(&mut deserializer))?;
    deserializer.end()?;
    Ok(value)
}

/// A deserializer that gives structs nothing but objects, whatever the one within it would give.
pub struct ObjectsOnly<D>(pub D);

/// Hands methods of a deserializer on; what their visitors are given is read in the same way.
macro_rules! hand_on {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$method($($argument,)* WithinVisitor(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for ObjectsOnly<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, StructVisitor(visitor))
    }

    hand_on! {
        deserialize_any(), deserialize_bool(), deserialize_i8(), deserialize_i16(), deserialize_i32(), deserialize_i64(),
        deserialize_i128(), deserialize_u8(), deserialize_u16(), deserialize_u32(), deserialize_u64(), deserialize_u128(),
        deserialize_f32(), deserialize_f64(), deserialize_char(), deserialize_str(), deserialize_string(),
        deserialize_bytes(), deserialize_byte_buf(), deserialize_option(), deserialize_unit(),
        deserialize_unit_struct(name: &'static str), deserialize_newtype_struct(name: &'static str), deserialize_seq(),
        deserialize_tuple(length: usize), deserialize_tuple_struct(name: &'static str, length: usize), deserialize_map(),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]), deserialize_identifier(),
        deserialize_ignored_any(),
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// The visitor of a struct; it takes objects alone.
struct StructVisitor<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for StructVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(WithinAccess(map))
    }
}

/// Any other visitor; what lies within its value is read in the same way.
struct WithinVisitor<V>(V);

/// Hands simple values on.
macro_rules! hand_value_on {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WithinVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    hand_value_on! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128, visit_u8: u8,
        visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128, visit_f32: f32, visit_f64: f64, visit_char: char,
        visit_str: &str, visit_borrowed_str: &'de str, visit_string: String, visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(ObjectsOnly(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(ObjectsOnly(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(WithinAccess(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(WithinAccess(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(WithinAccess(variant))
    }
}

/// The elements of a list, the members of an object or the content of a variant.
struct WithinAccess<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WithinAccess<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(WithinSeed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithinAccess<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(WithinSeed(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for WithinAccess<A> {
    type Error = A::Error;
    type Variant = WithinAccess<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(variant, content)| (variant, WithinAccess(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for WithinAccess<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(WithinSeed(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, WithinVisitor(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, StructVisitor(visitor))
    }
}

/// Reads an element, a member or a content in the same way.
struct WithinSeed<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for WithinSeed<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(ObjectsOnly(deserializer))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::collections::BTreeMap;

    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Inner {
        number: f64,
        name: Option<String>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    enum Kind {
        Plain,
        Members { number: u8 },
        Whole(Inner),
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Outer {
        only: Inner,
        perhaps: Option<Inner>,
        list: Vec<Inner>,
        named: BTreeMap<String, Inner>,
        pair: (u8, Inner),
        kind: Kind,
        other: Value,
    }

    fn whole() -> Value {
        json!({
            "only": { "number": 1.5 }, "perhaps": null, "list": [{}, { "name": "a" }], "named": { "b": { "number": 2 } },
            "pair": [7, {}], "kind": "Plain", "other": [1, [{}], { "any": ["thing"] }],
        })
    }

    #[test]
    fn objects_and_lists_are_read_as_without() {
        let text = whole().to_string();
        assert_eq!(read_json::<Outer>(text.as_bytes()).unwrap(), serde_json::from_str(&text).unwrap());
        for kind in [json!({ "Members": { "number": 1 } }), json!({ "Whole": { "name": "w" } })] {
            let mut changed = whole();
            changed["kind"] = kind;
            let text = changed.to_string();
            assert_eq!(read_json::<Outer>(text.as_bytes()).unwrap(), serde_json::from_str(&text).unwrap());
        }
        let raw: BTreeMap<&str, &RawValue> = read_json(br#"{"a": [1,  2]}"#).unwrap();
        assert_eq!(raw["a"].get(), "[1,  2]");
        assert_eq!(read_json::<f64>(b"0.1").unwrap(), 0.1);
        assert!(read_json::<Value>(b"{} {}").is_err(), "something follows");
    }

    #[test]
    fn an_array_is_no_struct_at_any_depth() {
        let inner = json!([1.5, "a"]);
        for (place, array) in [
            ("/only", inner.clone()),
            ("/only", json!([])),
            ("/perhaps", inner.clone()),
            ("/list/1", inner.clone()),
            ("/named/b", inner.clone()),
            ("/pair/1", inner.clone()),
            ("/kind", json!({ "Members": [1] })),
            ("/kind", json!({ "Whole": inner })),
        ] {
            let mut changed = whole();
            *changed.pointer_mut(place).unwrap() = array;
            let text = changed.to_string();
            assert!(serde_json::from_str::<Outer>(&text).is_ok(), "serde takes {place}");
            let refused = read_json::<Outer>(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains("invalid type: sequence, expected an object"), "{place}: {refused}");
        }
        assert!(read_json::<Inner>(b"[1.5, null]").is_err());
        for no_object in ["null", "7", "\"text\"", "true"] {
            let refused = read_json::<Inner>(no_object.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains("expected an object"), "{no_object}: {refused}");
        }
    }
}
