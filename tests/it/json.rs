//! JSON values that panic on a missing key or item.

use std::{
    fmt,
    ops::{Index, IndexMut},
};

use ref_cast::RefCast;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON value that the product printed or sent.
///
/// Indexing panics if the key or the item is missing, where [`Value`] returns null. An assertion about a key that does
/// not exist therefore fails.
#[derive(Clone, PartialEq, Eq, RefCast, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Json(Value);

/// Creates a value with the syntax of `serde_json::json!`.
macro_rules! json {
    ($($json:tt)+) => { $crate::json::Json::from(serde_json::json!($($json)+)) };
}
pub(crate) use json;

impl Json {
    /// Null.
    pub const NULL: Json = Json(Value::Null);

    /// Returns the items of an array. Panics for other values.
    pub fn items(&self) -> impl DoubleEndedIterator<Item = &Json> + ExactSizeIterator {
        let items = self.0.as_array().unwrap_or_else(|| panic!("{self} is not an array"));
        items.iter().map(Json::ref_cast)
    }

    /// Returns true if an array is empty. Panics for other values.
    pub fn is_an_empty_array(&self) -> bool {
        self.items().len() == 0
    }

    /// Returns the items of an array. Panics for other values.
    pub fn to_vec(&self) -> Vec<Json> {
        self.items().cloned().collect()
    }

    /// Returns the members of an object. Panics for other values.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json)> {
        let members = self.0.as_object().unwrap_or_else(|| panic!("{self} is not an object"));
        members.iter().map(|(key, value)| (key.as_str(), Json::ref_cast(value)))
    }

    /// Sets the members of an object to those of another.
    pub fn extend(&mut self, other: &Json) {
        for (key, value) in other.members() {
            self[key] = value.clone();
        }
    }

    /// Removes a member that may be missing.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        self.0.as_object_mut().and_then(|members| members.remove(key)).map(Json)
    }

    /// Returns the value at a JSON pointer (RFC 6901), `None` if it is missing.
    pub fn pointer(&self, pointer: &str) -> Option<&Json> {
        self.0.pointer(pointer).map(Json::ref_cast)
    }

    /// Deserializes the value. Panics if the value does not match the type.
    pub fn to<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.0.clone()).unwrap_or_else(|e| panic!("{e}: {self}"))
    }

    /// Returns a member, or `None` if it is missing.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.0.get(key).map(Json::ref_cast)
    }
}

impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, key: &str) -> &Json {
        self.get(key).unwrap_or_else(|| panic!("{key:?} is missing in {self}"))
    }
}

impl Index<usize> for Json {
    type Output = Json;

    fn index(&self, place: usize) -> &Json {
        self.0.get(place).map(Json::ref_cast).unwrap_or_else(|| panic!("item {place} is missing in {self}"))
    }
}

impl IndexMut<&str> for Json {
    fn index_mut(&mut self, key: &str) -> &mut Json {
        Json::ref_cast_mut(&mut self.0[key])
    }
}

/// Methods of [`Value`] that return a plain Rust value.
macro_rules! as_value {
    ($($method:ident -> $type:ty),*) => {
        impl Json {
            $(pub fn $method(&self) -> $type {
                self.0.$method()
            })*
        }
    };
}

as_value!(
    as_str -> Option<&str>,
    as_bool -> Option<bool>,
    as_i64 -> Option<i64>,
    as_u64 -> Option<u64>,
    as_f64 -> Option<f64>,
    is_null -> bool,
    is_array -> bool,
    is_object -> bool,
    is_string -> bool,
    is_u64 -> bool,
    is_i64 -> bool,
    is_f64 -> bool
);

macro_rules! from {
    ($($value:ty),*) => {$(
        impl From<$value> for Json {
            fn from(value: $value) -> Self {
                Self(value.into())
            }
        }
    )*};
}

from!(Value, &str, bool, i64, Vec<Json>);

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        json.0
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! equal_to {
    ($($other:ty),*) => {$(
        impl PartialEq<$other> for Json {
            fn eq(&self, other: &$other) -> bool {
                self.0 == *other
            }
        }
    )*};
}

equal_to!(Value, str, &str, String, bool, i32, i64, u16, u32, u64, usize, f64);

impl PartialEq<Json> for Value {
    fn eq(&self, other: &Json) -> bool {
        *self == other.0
    }
}
