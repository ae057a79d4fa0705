//! The schemas of the keys of a server of the user's own.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::key::word::{one_or_several, some_time};

/// The schema of `at`: a port is from 1 to 65535.
pub(crate) fn at(_: &mut SchemaGenerator) -> Schema {
    let port = "0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})";
    let host = r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])";
    json_schema!({"type": "string", "pattern": format!("^(unix:@.+|unix:/.*|{host}:{port})$"),
        "examples": ["shop.example:443"]})
}

/// The schema of `env`.
pub(crate) fn env(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "propertyNames": {"pattern": "^[^=]+$"},
        "additionalProperties": {"type": ["string", "number", "boolean"]}})
}

/// The schema of `vary`.
pub(crate) fn vary(_: &mut SchemaGenerator) -> Schema {
    let text = json_schema!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$"});
    let value = json_schema!({"anyOf": [text, {"type": ["number", "boolean"], "minimum": 0}]});
    json_schema!({"type": "object", "propertyNames": {"pattern": "^[A-Za-z0-9_-]+$"},
        "additionalProperties": one_or_several(&value)})
}

/// The schema of `within`.
pub(crate) fn within(generator: &mut SchemaGenerator) -> Schema {
    some_time(generator)
}

/// The schema of `with`.
pub(crate) fn with(_: &mut SchemaGenerator) -> Schema {
    one_or_several(&json_schema!({"type": "string", "pattern": "[^ \t\r\n]"}))
}
