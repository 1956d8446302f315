//! Tokenizers, chat templates and grammars behind a C boundary (include/trivet_text.h).

mod boundary;
mod byte_pairs;
mod chat;
mod decoding;
mod grammar;
mod python_json;
mod python_methods;
mod python_tests;
mod strftime;
mod template;
mod tokenizer;
