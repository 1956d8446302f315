//! Tokenizers, chat templates and grammars behind a C boundary (include/trivet_text.h).

mod boundary;
mod byte_pairs;
mod bytecode;
mod chat;
mod closing;
mod closing_lexer;
mod closing_rules;
mod decoding;
mod grammar;
mod grammar_exports;
mod json_schema;
mod python_comparisons;
mod python_filters;
mod python_json;
mod python_maps;
mod python_methods;
mod python_operators;
mod python_tests;
mod python_values;
mod strftime;
mod template;
mod tokenizer;
