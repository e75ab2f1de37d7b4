//! Descriptions of APIs, held against what is served and sent.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Fails unless every path with its methods is described, and nothing else,
/// and the description holds together.
pub(crate) fn is_complete<'p>(description: &Value, served: impl Iterator<Item = (&'p str, &'static [&'static str])>) {
    let mut described = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let own = item["servers"].as_array().or_else(|| description["servers"].as_array()).unwrap();
        for server in own {
            let root = server["url"].as_str().unwrap().trim_end_matches('/');
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "servers");
            described.extend(methods.map(|method| (format!("{root}{path}"), method.clone())));
        }
    }
    let served: BTreeSet<(String, String)> = served
        .flat_map(|(path, methods)| methods.iter().map(move |method| (path.to_owned(), (*method).to_owned())))
        .collect();
    assert_eq!(described, served);
    for reference in references(description) {
        assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let names: Vec<String> = operations(description);
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "each operation has a name of its own");
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match (name.as_str(), member) {
                ("$ref", Value::String(reference)) => vec![reference.clone()],
                _ => references(member),
            })
            .collect(),
        Value::Array(elements) => elements.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn operations(value: &Value) -> Vec<String> {
    let items = ["paths", "webhooks"].iter().flat_map(|part| value[*part].as_object().unwrap().values());
    let methods = items.flat_map(|item| item.as_object().unwrap().values());
    methods.filter_map(|method| method["operationId"].as_str().map(str::to_owned)).collect()
}

/// What does not fit in a value; members that the schema does not name never fit.
fn misfits(description: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(target) = schema["$ref"].as_str() {
        let target = description.pointer(target.trim_start_matches('#'));
        return misfits(description, target.unwrap_or_else(|| panic!("{place}: {schema}")), value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| misfits(description, choice, value, place).is_empty());
        return if fitting.count() == 1 { Vec::new() } else { vec![format!("{place}: {value}")] };
    }
    if let Some(wanted) = schema.get("const") {
        return if wanted == value { Vec::new() } else { vec![format!("{place}: {value}")] };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            one.as_str().into_iter().collect()
        }
    };
    let known = schema["enum"].as_array().is_none_or(|words| words.contains(value));
    match value {
        Value::Object(members) if types.contains(&"object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing = required.filter(|name| !members.contains_key(*name));
            let mut found: Vec<String> = missing.map(|name| format!("{place}/{name} is missing")).collect();
            for (name, member) in members {
                let place = format!("{place}/{name}");
                let own = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
                found.extend(own.map_or_else(
                    || vec![format!("{place} is not described")],
                    |own| misfits(description, own, member, &place),
                ));
            }
            found
        }
        Value::Array(elements) if types.contains(&"array") => {
            let of_element = |element| misfits(description, &schema["items"], element, &format!("{place}[]"));
            elements.iter().flat_map(of_element).collect()
        }
        Value::String(_) if types.contains(&"string") && known => Vec::new(),
        Value::Number(number) if types.contains(&"integer") && number.is_u64() => Vec::new(),
        Value::Null if types.contains(&"null") => Vec::new(),
        Value::Bool(_) if types.contains(&"boolean") => Vec::new(),
        Value::Bool(_) | Value::Object(_) | Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Null => {
            vec![format!("{place}: {value} is no {types:?}")]
        }
    }
}

/// Fails unless the value fits the schema of this name.
pub(crate) fn fits(description: &Value, schema: &str, value: &Value) {
    let found = misfits(description, &json!({ "$ref": format!("#/components/schemas/{schema}") }), value, schema);
    assert!(found.is_empty(), "{found:#?} in {value}");
}
