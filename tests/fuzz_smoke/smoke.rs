//! The bounded run.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::thread;

use tokenturn::testing::fuzz::{Reached, TARGETS, Target};

use crate::dice::Dice;
use crate::mutate::mutate;
use crate::seeds;

/// So many inputs of each target, where nothing else is asked for.
const INPUTS: usize = 700;

/// At least so many of a hundred inputs must reach what the target is about, or the run shows little.
const SHARE: usize = 30;

/// So many bytes are allocated at most for each byte of an input and 4 KiB more. What takes the square of its input takes
/// thousands: work is counted, never timed.
const WORK: f64 = 1000.0;

/// The stack of a thread of the runtime.
const STACK: usize = 2 * 1024 * 1024;

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

struct Tried {
    inputs: usize,
    reached: usize,
    crashes: Vec<String>,
    work: f64,
}

fn smoke(target: &'static Target, seed: usize, inputs: usize) -> Tried {
    let seeds = seeds::of(target);
    let mut tried = Tried { inputs: 0, reached: 0, crashes: Vec::new(), work: 0.0 };
    let mut understood = Vec::new();
    for seed in &seeds {
        let before = tried.reached;
        run(target, seed, &mut tried);
        understood.extend((tried.reached > before).then_some(seed));
    }
    let whole = tried.crashes.is_empty() && tried.reached > 0;
    assert!(whole, "{}: a seed does not hold, or none is understood: {:#?}", target.name, tried.crashes);
    (tried.inputs, tried.reached) = (0, 0);
    let named = target.name.bytes().fold(seed, |all, byte| all.wrapping_mul(31).wrapping_add(byte.into()));
    for at in 0..inputs {
        // Each input stands for itself, so that one can be tried again alone.
        let mut dice = Dice::new(u64::try_from(named.wrapping_add(at.wrapping_mul(0x9E37_79B9))).unwrap());
        // A seed that is refused as it is leads far in only now and then.
        let first = if dice.one_in(8) { dice.pick(&seeds) } else { *dice.pick(&understood) };
        let input = mutate(first, &seeds, target.grammar, &mut dice);
        run(target, &input, &mut tried);
    }
    tried
}

fn run(target: &Target, input: &[u8], tried: &mut Tried) {
    tried.inputs += 1;
    let mut reached = None;
    let work = allocation_counter::measure(|| {
        reached = Some(catch_unwind(AssertUnwindSafe(|| target.run(input))));
    });
    #[expect(clippy::cast_precision_loss, reason = "it is printed")]
    let each = work.bytes_total as f64 / (input.len() + 4096) as f64;
    tried.work = tried.work.max(each);
    match reached.unwrap() {
        Ok(Reached::Edit) => tried.reached += 1,
        Ok(_) => {}
        Err(said) => {
            let said = said.downcast_ref::<String>().cloned().or(said.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            let input: String = String::from_utf8_lossy(input).chars().take(2000).collect();
            let said: String = said.unwrap_or_default().chars().take(600).collect();
            tried.crashes.push(format!("{said}: {input:?}"));
        }
    }
}

#[test]
fn whatever_a_far_side_sends_is_refused_or_handled_and_nothing_else() {
    let seed = number("TOKENTURN_FUZZ_SEED").unwrap_or(20_260_101);
    let inputs = number("TOKENTURN_FUZZ_INPUTS").unwrap_or(INPUTS);
    let only = std::env::var("TOKENTURN_FUZZ_TARGET").ok();
    println!("seed {seed}, {inputs} inputs a target");
    println!("{:<18} {:>7} {:>8} {:>6} {:>8} {:>6}", "target", "inputs", "reached", "share", "crashes", "work");
    let mut failed = Vec::new();
    // What an input breaks is told at the end, and once.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|only| only == target.name)) {
        let running = thread::Builder::new().stack_size(STACK).spawn(move || smoke(target, seed, inputs));
        let tried = running.unwrap().join().unwrap_or_else(|_| panic!("{} ended", target.name));
        let share = tried.reached * 100 / tried.inputs.max(1);
        let crashes = tried.crashes.len();
        let Tried { inputs, reached, work, .. } = tried;
        println!("{:<18} {inputs:>7} {reached:>8} {share:>4} % {crashes:>8} {work:>6.0}", target.name);
        if work > WORK {
            failed.push(format!("{}: {work:.0} bytes of work for a byte of input, {WORK} are allowed", target.name));
        }
        if share < SHARE {
            failed.push(format!("{}: {share} of 100 inputs are understood, and {SHARE} should be", target.name));
        }
        failed.extend(tried.crashes.into_iter().take(3).map(|crash| format!("{}: {crash}", target.name)));
    }
    set_hook(hook);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
