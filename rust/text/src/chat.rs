//! The variables of a chat template: what `transformers` does to messages before it renders.

use crate::boundary::*;
use crate::strftime::Time;
use minijinja::value::Serde;
use minijinja::Value;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The names under which a message's reasoning is passed; the first is the one that templates read.
const REASONING_FIELDS: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// Appended to the final message to find its place in the rendered text. Ends with a space, to see whether
/// the template trims the message.
const FINAL_MESSAGE_TAG: &str = "CONTINUE_FINAL_MESSAGE_TAG ";

/// Variables that the caller cannot override.
const RESERVED: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

#[repr(C)]
pub struct Chat {
    messages_json: Slice,
    tools_json: Slice,
    documents_json: Slice,
    extra_json: Slice,
    add_generation_prompt: u8,
    continue_final_message: u8,
    pub now: Time,
}

pub struct Prepared {
    pub variables: BTreeMap<String, Value>,
    /// The text to continue, if the final message is to stay open.
    pub final_message: Option<String>,
}

fn parse(text: &str, what: &str) -> Outcome<Json> {
    serde_json::from_str(text).map_err(|e| Failure::invalid(format!("{what} is not JSON: {e}")))
}

fn parse_list(text: &str, what: &str) -> Outcome<Option<Json>> {
    if text.is_empty() {
        return Ok(None);
    }
    match parse(text, what)? {
        Json::Null => Ok(None),
        list @ Json::Array(_) => Ok(Some(list)),
        _ => Err(Failure::invalid(format!("{what} must be an array"))),
    }
}

fn messages(text: &str) -> Outcome<Vec<Map<String, Json>>> {
    let Some(Json::Array(list)) = parse_list(text, "messages")? else {
        return Err(Failure::invalid("messages must be an array"));
    };
    list.into_iter()
        .enumerate()
        .map(|(index, message)| match message {
            Json::Object(fields) => Ok(with_reasoning(without_nulls(fields))),
            _ => Err(Failure::invalid(format!("message {index} must be an object"))),
        })
        .collect()
}

/// Clients send `"content": null` or `"tool_calls": null`, which templates would print or choke on.
fn without_nulls(fields: Map<String, Json>) -> Map<String, Json> {
    fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn with_reasoning(mut fields: Map<String, Json>) -> Map<String, Json> {
    let reasoning = REASONING_FIELDS.iter().find_map(|name| fields.get(*name)).cloned();
    if let Some(reasoning) = reasoning {
        fields.entry("thinking").or_insert_with(|| reasoning.clone());
        fields.insert("reasoning_content".to_string(), reasoning);
    }
    fields
}

/// Marks the end of the final message's text and returns that text.
fn mark_final_message(messages: &mut [Map<String, Json>]) -> Outcome<String> {
    let content = messages.last_mut().and_then(|message| message.get_mut("content"));
    let text = match content {
        Some(Json::String(text)) => Some(text),
        Some(Json::Array(parts)) => {
            parts.iter_mut().rev().find_map(|part| part.get_mut("text")).and_then(|text| match text
            {
                Json::String(text) => Some(text),
                _ => None,
            })
        }
        _ => None,
    };
    let Some(text) = text else {
        return Err(Failure::invalid(
            "the final message cannot be continued: it has no text content",
        ));
    };
    let original = text.clone();
    text.push_str(FINAL_MESSAGE_TAG);
    Ok(original)
}

fn extra_variables(text: &str) -> Outcome<BTreeMap<String, Value>> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    match parse(text, "chat_template_kwargs")? {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(fields) => fields
            .into_iter()
            // No template can name the others, and the operators of ours have such names.
            .filter(|(name, _)| name.chars().all(|c| c == '_' || c.is_alphanumeric()))
            .map(|(name, value)| {
                if RESERVED.contains(&name.as_str()) {
                    return Err(Failure::invalid(format!(
                        "chat_template_kwargs must not set '{name}': use the field of that name"
                    )));
                }
                Ok((name, Value::from(Serde(value))))
            })
            .collect(),
        _ => Err(Failure::invalid("chat_template_kwargs must be an object")),
    }
}

pub fn prepare(input: &Chat, bos_token: &str, eos_token: &str) -> Outcome<Prepared> {
    // SAFETY: the caller of the exported function keeps the texts alive during the call.
    let (messages_json, tools_json, documents_json, extra_json) = unsafe {
        (
            input.messages_json.text("messages")?,
            input.tools_json.text("tools")?,
            input.documents_json.text("documents")?,
            input.extra_json.text("chat_template_kwargs")?,
        )
    };
    let mut messages = messages(messages_json)?;
    let final_message = match input.continue_final_message {
        0 => None,
        _ => Some(mark_final_message(&mut messages)?),
    };
    let mut variables = BTreeMap::new();
    variables.insert("bos_token".to_string(), Value::from(bos_token));
    variables.insert("eos_token".to_string(), Value::from(eos_token));
    variables.extend(extra_variables(extra_json)?);
    let tools = parse_list(tools_json, "tools")?;
    let documents = parse_list(documents_json, "documents")?;
    variables.insert("messages".to_string(), Value::from(Serde(&messages)));
    variables.insert("tools".to_string(), Value::from(Serde(&tools)));
    variables.insert("documents".to_string(), Value::from(Serde(&documents)));
    let add_generation_prompt = input.add_generation_prompt != 0;
    variables.insert("add_generation_prompt".to_string(), Value::from(add_generation_prompt));
    Ok(Prepared { variables, final_message })
}

/// The rendered text up to the end of the final message.
pub fn cut_at_final_message(mut text: String, message: &str) -> Outcome<String> {
    let tag = FINAL_MESSAGE_TAG.trim_end();
    let place = text.rfind(tag).filter(|_| text.contains(message.trim()));
    let Some(place) = place else {
        return Err(Failure::invalid(
            "the final message cannot be continued: the chat template does not print it unchanged",
        ));
    };
    let trimmed = !text[place..].starts_with(FINAL_MESSAGE_TAG);
    text.truncate(place);
    if trimmed {
        text.truncate(text.trim_end().len());
    }
    Ok(text)
}
