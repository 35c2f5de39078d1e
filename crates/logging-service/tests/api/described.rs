//! Compares answers with the schemas that describe them.
//!
//! Rule of thumb: a member that no schema names is a mistake. JSON Schema would allow it, so a description could fall
//! behind the answers without any validator noticing.

use serde_json::Value;

/// What differs between a value and its schema, each with its place.
pub(crate) fn differences(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut comparison = Comparison { document, found: Vec::new() };
    comparison.compare(schema, value, "answer");
    comparison.found
}

struct Comparison<'a> {
    document: &'a Value,
    found: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn compare(&mut self, schema: &'a Value, value: &Value, place: &str) {
        let parts = self.parts(schema);
        for part in &parts {
            self.compare_type(part, value, place);
            let alternatives = part.get("oneOf").or_else(|| part.get("anyOf")).and_then(Value::as_array);
            let fits = |schema: &Value| differences(self.document, schema, value).is_empty();
            if alternatives.is_some_and(|schemas| !schemas.iter().any(fits)) {
                self.found.push(format!("{place} has none of the forms in its description: {value}"));
            }
        }
        match value {
            Value::Array(elements) => {
                let items: Vec<&Value> = parts.iter().filter_map(|part| part.get("items")).collect();
                for (index, element) in elements.iter().enumerate() {
                    items.iter().for_each(|schema| self.compare(schema, element, &format!("{place}[{index}]")));
                }
            }
            Value::Object(_) => self.compare_members(&parts, value, place),
            _ => {}
        }
    }

    fn compare_type(&mut self, part: &Value, value: &Value, place: &str) {
        let name = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is_type = |known: &Value| *known == name || (name == "integer" && *known == "number");
        let fits = match &part["type"] {
            Value::Null => true,
            Value::Array(types) => types.iter().any(is_type),
            one => is_type(one),
        };
        let is_listed = part["enum"].as_array().is_none_or(|values| values.contains(value));
        let is_constant = part.get("const").is_none_or(|constant| constant == value);
        if !fits || !is_listed || !is_constant {
            self.found.push(format!("{place} is {value}, which is described as {part}"));
        }
    }

    fn compare_members(&mut self, parts: &[&'a Value], value: &Value, place: &str) {
        for required in parts.iter().filter_map(|part| part["required"].as_array()).flatten() {
            if value.get(required.as_str().unwrap()).is_none() {
                self.found.push(format!("{place} lacks the member {required}"));
            }
        }
        // The members of a choice are compared with each form, and a schema without members is of any object.
        let is_choice = parts.iter().any(|part| part.get("oneOf").or_else(|| part.get("anyOf")).is_some());
        let is_open = is_choice || parts.iter().all(|part| part.get("properties").is_none());
        for (name, member) in value.as_object().unwrap() {
            let place = format!("{place}.{name}");
            let named: Vec<_> = parts.iter().filter_map(|part| part["properties"].get(name)).collect();
            let other: Vec<_> = parts.iter().filter_map(|part| part.get("additionalProperties")).collect();
            if named.is_empty() && other.is_empty() && !is_open {
                self.found.push(format!("{place} is not described"));
            }
            for schema in if named.is_empty() { other } else { named } {
                self.compare(schema, member, &place);
            }
        }
    }

    /// The schemas that a value has to meet together: references are followed, and `allOf` is taken apart.
    fn parts(&self, schema: &'a Value) -> Vec<&'a Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.parts(self.document.pointer(reference.trim_start_matches('#')).unwrap());
        }
        let together = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| self.parts(part));
        std::iter::once(schema).chain(together).collect()
    }
}
