//! The part of GraphQL that published operations use: one operation, variables, arguments, nested selections. No
//! fragments, aliases, directives or values in line: what holds them is a syntax error here.

use serde_json::{Map, Value, json};

use super::schema::{Schema, Type};
use crate::testing::server::Reply;

/// One operation as it was sent.
pub(super) struct Operation {
    mutation: bool,
    /// Variables by name, with their types.
    declared: Vec<(String, String)>,
    fields: Vec<Field>,
}

/// One field that is asked for.
pub(super) struct Field {
    pub(super) name: String,
    /// Arguments by name, with the variables that they take.
    arguments: Vec<(String, String)>,
    fields: Vec<Field>,
}

/// What graphql-js says of a text or operation that it does not carry out.
pub(super) struct Fault {
    message: String,
    code: Option<&'static str>,
}

impl Fault {
    fn syntax(found: Option<&str>) -> Self {
        let found = found.map_or_else(|| "<EOF>".to_owned(), |found| format!("\"{found}\""));
        Self { message: format!("Syntax Error: Unexpected {found}."), code: Some("GRAPHQL_PARSE_FAILED") }
    }

    fn validation(message: String) -> Self {
        Self { message, code: Some("GRAPHQL_VALIDATION_FAILED") }
    }

    /// Variables that do not fit have no code.
    fn variable(message: String) -> Self {
        Self { message, code: None }
    }

    /// The answer that says it. A server of graphql-yoga says it with 200, and 400 where variables do not fit.
    pub(super) fn reply(&self) -> Reply {
        let mut error = json!({"message": self.message});
        if let Some(code) = self.code {
            error["extensions"] = json!({ "code": code });
        }
        Reply::json(if self.code.is_some() { 200 } else { 400 }, &json!({ "errors": [error] }))
    }
}

/// Reads an operation.
pub(super) fn read(text: &str) -> Result<Operation, Fault> {
    let spaced: String =
        text.chars().flat_map(|c| if "{}():,$!".contains(c) { vec![' ', c, ' '] } else { vec![c] }).collect();
    // A comma is white space.
    let words: Vec<&str> = spaced.split_whitespace().filter(|word| *word != ",").collect();
    let mut reader = Reader { words, at: 0 };
    let mutation = match reader.next() {
        Some("query") => false,
        Some("mutation") => true,
        other => return Err(Fault::syntax(other)),
    };
    reader.name()?;
    let mut declared = Vec::new();
    if reader.take("(") {
        while !reader.take(")") {
            reader.expect("$")?;
            let name = reader.name()?;
            reader.expect(":")?;
            let mut kind = reader.name()?;
            if reader.take("!") {
                kind.push('!');
            }
            declared.push((name, kind));
        }
    }
    let fields = reader.selection()?;
    match reader.next() {
        None => Ok(Operation { mutation, declared, fields }),
        more => Err(Fault::syntax(more)),
    }
}

struct Reader<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.words.get(self.at) == Some(&word);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, word: &str) -> Result<(), Fault> {
        match self.next() {
            Some(there) if there == word => Ok(()),
            other => Err(Fault::syntax(other)),
        }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let is_name = |word: &&str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let word = self.next();
        word.filter(is_name).map(str::to_owned).ok_or_else(|| Fault::syntax(word))
    }

    fn selection(&mut self) -> Result<Vec<Field>, Fault> {
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.take("}") {
            let name = self.name()?;
            let mut arguments = Vec::new();
            if self.take("(") {
                while !self.take(")") {
                    let name = self.name()?;
                    self.expect(":")?;
                    self.expect("$")?;
                    arguments.push((name, self.name()?));
                }
            }
            let below = self.words.get(self.at) == Some(&"{");
            let below = if below { self.selection()? } else { Vec::new() };
            fields.push(Field { name, arguments, fields: below });
        }
        if fields.is_empty() { Err(Fault::syntax(Some("}"))) } else { Ok(fields) }
    }
}

impl Operation {
    /// The one field that it asks for, if all fits the schema.
    pub(super) fn check(&self, schema: &Schema, variables: &Value) -> Result<&Field, Fault> {
        let root = if self.mutation { "Mutation" } else { "Query" };
        schema.check(root, &self.fields)?;
        for (name, kind) in &self.declared {
            self.check_variable(schema, name, kind, variables.get(name).unwrap_or(&Value::Null))?;
        }
        self.fields.first().ok_or_else(|| Fault::syntax(None))
    }

    fn check_variable(&self, schema: &Schema, name: &str, kind: &str, value: &Value) -> Result<(), Fault> {
        let wrong = |why: String| Err(Fault::variable(format!("Variable \"${name}\" {why}")));
        if !self.fields.iter().flat_map(|field| &field.arguments).any(|(_, variable)| variable == name) {
            return wrong("is never used in the operation.".to_owned());
        }
        if kind.ends_with('!') && value.is_null() {
            return wrong(format!("of required type \"{kind}\" was not provided."));
        }
        let Some(input) = schema.input(kind.trim_end_matches('!')) else {
            let text = value.is_null() || value.is_string();
            return if text { Ok(()) } else { wrong("got invalid value; String cannot represent it.".to_owned()) };
        };
        let Some(fields) = value.as_object() else {
            return wrong(format!("got invalid value; Expected type \"{}\" to be an object.", input.name));
        };
        if let Some(field) = fields.keys().find(|field| input.fields.iter().all(|(known, _)| known != field)) {
            let text = format!("got invalid value; Field \"{field}\" is not defined by type \"{}\".", input.name);
            return wrong(text);
        }
        for (field, kind) in input.fields {
            match fields.get(*field).unwrap_or(&Value::Null) {
                Value::Null if kind.ends_with('!') => {
                    let text = format!("Field \"{field}\" of required type \"{kind}\" was not provided.");
                    return wrong(format!("got invalid value; {text}"));
                }
                Value::Null | Value::String(_) => {}
                _ => return wrong(format!("got invalid value at \"{name}.{field}\"; String cannot represent it.")),
            }
        }
        Ok(())
    }
}

impl Schema {
    fn check(&self, on: &str, fields: &[Field]) -> Result<(), Fault> {
        for field in fields {
            let Some(known) = self.field(on, &field.name) else {
                let text = format!("Cannot query field \"{}\" on type \"{on}\".", field.name);
                return Err(Fault::validation(text));
            };
            for (name, _) in &field.arguments {
                if known.arguments.iter().all(|(argument, _)| argument != name) {
                    let text = format!("Unknown argument \"{name}\" on field \"{on}.{}\".", field.name);
                    return Err(Fault::validation(text));
                }
            }
            for (name, kind) in known.arguments {
                if kind.ends_with('!') && field.arguments.iter().all(|(argument, _)| argument != name) {
                    let text = format!(
                        "Field \"{}\" argument \"{name}\" of type \"{kind}\" is required, but it was not provided.",
                        field.name
                    );
                    return Err(Fault::validation(text));
                }
            }
            match (known.of, field.fields.is_empty()) {
                (Type::Scalar, true) => {}
                (Type::Object(below), false) => self.check(below, &field.fields)?,
                (Type::Scalar, false) => {
                    let text = format!("Field \"{}\" must not have a selection.", field.name);
                    return Err(Fault::validation(text));
                }
                (Type::Object(below), true) => {
                    let text =
                        format!("Field \"{}\" of type \"{below}\" must have a selection of subfields.", field.name);
                    return Err(Fault::validation(text));
                }
            }
        }
        Ok(())
    }
}

impl Field {
    /// What of a value was asked for.
    pub(super) fn select(&self, value: &Value) -> Value {
        match value {
            Value::Array(values) => values.iter().map(|value| self.select(value)).collect(),
            Value::Object(_) if !self.fields.is_empty() => {
                let selected = self.fields.iter().map(|field| {
                    let below = value.get(&field.name).unwrap_or(&Value::Null);
                    (field.name.clone(), field.select(below))
                });
                Value::Object(selected.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}
