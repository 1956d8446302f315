//! Maps, their keys, and namespaces: what templates build and change.

use crate::python_operators::pay_for_reading;
use crate::python_values::{invalid, is_container, measure, type_name};
use indexmap::IndexMap;
use minijinja::value::{
    from_args, DynObject, Kwargs, Object, ObjectRepr, Rest, ValueKind, ValueOrKwargs,
};
use minijinja::{Environment, Error, State, Value};
use std::cmp::Ordering;
use std::sync::{Arc, Mutex};

/// What `namespace()` makes: the one value that a template can change.
///
/// It cannot be put into other values, so it never holds itself and needs no collector of cycles.
#[derive(Debug, Default)]
pub struct Namespace(Mutex<Vec<(String, Value)>>);

impl Namespace {
    pub fn set(&self, name: &str, value: Value) {
        let mut fields = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match fields.iter_mut().find(|(key, _)| key == name) {
            Some(field) => field.1 = value,
            None => fields.push((name.to_string(), value)),
        }
    }
}

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let fields = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Self>()?;
        Some((Arc::as_ptr(self) as usize).cmp(&(std::ptr::from_ref(other) as usize)))
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<Namespace>")
    }
}

/// A key that can be looked up, its hash paid for: lists and maps never can.
pub fn key(state: &State, key: &Value) -> Result<Value, Error> {
    if !is_container(key) {
        pay_for_reading(state, key.as_str())?;
        return Ok(key.clone());
    }
    measure(state, key)?;
    Ok(if key.is_tuple() { key.clone() } else { Value::UNDEFINED })
}

/// `container[index]`, which has to count characters in a text.
fn item(state: &State, container: &Value, index: &Value) -> Result<Value, Error> {
    if container.kind() == ValueKind::Map {
        return container.get_item(&key(state, index)?);
    }
    pay_for_reading(state, container.as_str())?;
    if container.kind() == ValueKind::Iterable {
        let steps = index.as_i64().map_or(0, i64::unsigned_abs);
        state.consume_fuel(steps.min(container.len().unwrap_or(0) as u64))?;
    }
    container.get_item(index)
}

/// A map of keys and values that lie one after the other.
fn map(state: &State, parts: Rest<Value>) -> Result<Value, Error> {
    let mut result: IndexMap<Value, Value> = IndexMap::with_capacity(parts.len() / 2);
    for pair in parts.chunks_exact(2) {
        result.insert(map_key(state, &pair[0])?, pair[1].clone());
    }
    let result = Value::from_object(result);
    measure(state, &result)?;
    Ok(result)
}

fn map_key(state: &State, value: &Value) -> Result<Value, Error> {
    let result = key(state, value)?;
    if result.is_undefined() && is_container(value) {
        return Err(invalid(format!("a {} cannot be a key", type_name(value))));
    }
    Ok(result)
}

/// Adds what `dict()` and `namespace()` take: a map or pairs, and keyword arguments.
fn fields(state: &State, args: Rest<ValueOrKwargs>) -> Result<IndexMap<Value, Value>, Error> {
    let args = args.into_values();
    let (source, kwargs): (Option<Value>, Kwargs) = from_args(&args)?;
    let mut result = IndexMap::new();
    if let Some(source) = source.filter(|source| !source.is_undefined()) {
        let object = source.as_object().filter(|_| source.kind() == ValueKind::Map);
        if let Some(pairs) = object.and_then(|object| object.try_iter_pairs()) {
            for (name, value) in pairs {
                state.consume_fuel(1)?;
                result.insert(name, value);
            }
        } else {
            for pair in source.try_iter()? {
                state.consume_fuel(1)?;
                let name = map_key(state, &pair.get_item_by_index(0)?)?;
                result.insert(name, pair.get_item_by_index(1)?);
            }
        }
    }
    for name in kwargs.args() {
        result.insert(Value::from(name), kwargs.get::<Value>(name)?);
    }
    Ok(result)
}

fn dict(state: &State, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let result = Value::from_object(fields(state, args)?);
    measure(state, &result)?;
    Ok(result)
}

fn namespace(state: &State, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let result = Namespace::default();
    for (name, value) in fields(state, args)? {
        measure(state, &value)?;
        result.set(name.as_str().unwrap_or_default(), value);
    }
    Ok(Value::from_object(result))
}

fn set_attribute(state: &State, value: Value, target: &Value, name: &str) -> Result<Value, Error> {
    let target: Option<Arc<Namespace>> = target.downcast_object();
    let target = target.ok_or_else(|| invalid("only the fields of a namespace can be set"))?;
    measure(state, &value)?;
    state.consume_fuel(1)?;
    target.set(name, value);
    Ok(Value::UNDEFINED)
}

pub fn register(environment: &mut Environment<'static>) {
    environment.add_function("[i]", item);
    environment.add_function("{}", map);
    environment.add_function(".=", set_attribute);
    environment.add_function("dict", dict);
    environment.add_function("namespace", namespace);
}
