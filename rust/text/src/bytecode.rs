//! Rewrites a compiled template so that everything that can cost more than its length shows goes through
//! functions of ours: operators, literals of lists and maps, filters and output.
//!
//! The engine offers no other place for this: it charges for instructions and for the size of what they make,
//! not for walking nested values, and it joins lists lazily.

use crate::python_comparisons::{CHAINED, COMPARISONS};
use crate::python_filters;
use minijinja::machinery::{Instruction, Instructions};
use minijinja::value::ValueKind;
use minijinja::Value;

fn call(name: &'static str, count: u16) -> Instruction<'static> {
    Instruction::CallFunction(name, Some(count))
}

/// The index in COMPARISONS of `a op b` where b stays on the stack.
///
/// The type of the operand of `CompareAndPreserve` has no public name.
fn chained_index(instruction: &Instruction) -> Option<usize> {
    let text = match instruction {
        Instruction::CompareAndPreserve(_) => format!("{instruction:?}"),
        _ => return None,
    };
    let operator = text.split(['(', ')']).nth(1)?;
    ["Eq", "Ne", "Lt", "Lte", "Gt", "Gte", "In", "NotIn"].iter().position(|name| *name == operator)
}

/// A comparison that leaves its right operand below its result.
fn chained_comparison<'s>(index: usize) -> Vec<Instruction<'s>> {
    vec![
        Instruction::BuildList(Some(2)),
        Instruction::DupTop,
        call(CHAINED[index], 1),
        Instruction::Swap,
        Instruction::LoadConst(Value::from(1)),
        Instruction::GetItem,
        Instruction::Swap,
    ]
}

/// What stands for one instruction; None = itself.
fn replacement<'s>(instruction: &Instruction<'s>) -> Option<Vec<Instruction<'s>>> {
    Some(match instruction {
        Instruction::Add => vec![call("+", 2)],
        Instruction::Mul => vec![call("*", 2)],
        Instruction::Rem => vec![call("%", 2)],
        Instruction::StringConcat => vec![call("~", 2)],
        Instruction::Eq => vec![call(COMPARISONS[0], 2)],
        Instruction::Ne => vec![call(COMPARISONS[1], 2)],
        Instruction::Lt => vec![call(COMPARISONS[2], 2)],
        Instruction::Lte => vec![call(COMPARISONS[3], 2)],
        Instruction::Gt => vec![call(COMPARISONS[4], 2)],
        Instruction::Gte => vec![call(COMPARISONS[5], 2)],
        Instruction::In => vec![call(COMPARISONS[6], 2)],
        Instruction::CompareAndPreserve(_) => chained_comparison(chained_index(instruction)?),
        Instruction::Slice => vec![call("[:]", 4)],
        Instruction::GetItem => vec![call("[i]", 2)],
        // A constant that the compiler made of a repeated list is lazy.
        Instruction::LoadConst(value) if value.kind() == ValueKind::Iterable => {
            vec![instruction.clone(), call("[*]", 1)]
        }
        Instruction::PushLoop(_) | Instruction::FastRecurse => {
            vec![call("(for)", 1), instruction.clone()]
        }
        // It may be a loop under another name.
        Instruction::CallFunction(_, Some(1)) => vec![call("(for)", 1), instruction.clone()],
        Instruction::SetAttr(name) => {
            vec![Instruction::LoadConst(Value::from(*name)), call(".=", 3), Instruction::DiscardTop]
        }
        Instruction::BuildMap(pairs) if *pairs < 1 << 15 => vec![call("{}", 2 * *pairs as u16)],
        Instruction::BuildList(_) | Instruction::BuildTuple(_) | Instruction::BuildMap(_) => {
            vec![instruction.clone(), call("[]", 1)]
        }
        Instruction::ApplyFilter(name, count, _) => {
            vec![Instruction::CallFunction(python_filters::function_name(name)?, *count)]
        }
        Instruction::CallMethod("changed", count) => {
            vec![Instruction::CallFunction(".changed", *count)]
        }
        Instruction::EmitRaw(text) => {
            vec![Instruction::LoadConst(Value::from(*text)), Instruction::Emit]
        }
        _ => return None,
    })
}

/// The instruction with its jump targets, if it has any, changed.
fn with_targets<'s>(instruction: Instruction<'s>, places: &[u32]) -> Instruction<'s> {
    let moved = |target: u32| places.get(target as usize).copied().unwrap_or(target);
    match instruction {
        Instruction::Iterate(target) => Instruction::Iterate(moved(target)),
        Instruction::Jump(target) => Instruction::Jump(moved(target)),
        Instruction::JumpIfFalse(target) => Instruction::JumpIfFalse(moved(target)),
        Instruction::JumpIfFalseOrPop(target) => Instruction::JumpIfFalseOrPop(moved(target)),
        Instruction::JumpIfTrueOrPop(target) => Instruction::JumpIfTrueOrPop(moved(target)),
        Instruction::BuildMacro(name, target, flags) => {
            Instruction::BuildMacro(name, moved(target), flags)
        }
        other => other,
    }
}

pub fn guarded<'s>(original: &Instructions<'s>) -> Instructions<'s> {
    let count = (0..).take_while(|index| original.get(*index).is_some()).count() as u32;
    let mut parts = Vec::with_capacity(count as usize);
    let mut places = Vec::with_capacity(count as usize + 1);
    let mut place = 0;
    for index in 0..count {
        let Some(instruction) = original.get(index) else { break };
        let part = replacement(instruction).unwrap_or_else(|| vec![instruction.clone()]);
        places.push(place);
        place += part.len() as u32;
        parts.push(part);
    }
    places.push(place);
    let mut result = Instructions::new(original.name(), original.source());
    for (index, part) in parts.into_iter().enumerate() {
        let line = original.get_line(index as u32).unwrap_or(0) as u16;
        for instruction in part {
            result.add_with_line(with_targets(instruction, &places), line);
        }
    }
    result
}
