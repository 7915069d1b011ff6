//! Fail points: named places where tests let this program stop, fail or die.
//!
//! `FAILPOINTS="engine.chunk.sending=2*off->panic"` kills the program, as `kill -9` would, when it
//! comes to that place the third time. Only builds with the feature `failpoints` have them; others
//! ignore the variable.

use std::panic::PanicHookInfo;

/// Reads `FAILPOINTS`. The scenario lasts as long as the returned value.
pub fn set_up() -> Option<fail::FailScenario<'static>> {
    if !fail::has_failpoints() || std::env::var_os("FAILPOINTS").is_none() {
        return None;
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if is_fail_point(panic) {
            die();
        }
    }));
    Some(fail::FailScenario::setup())
}

fn is_fail_point(panic: &PanicHookInfo) -> bool {
    panic.payload_as_str().is_some_and(|message| message.contains("failpoint"))
}

/// Ends this process with a signal that nothing can catch: no destructor runs, nothing is flushed.
fn die() {
    let id = std::process::id().to_string();
    match std::process::Command::new("kill").args(["-9", &id]).status() {
        Ok(_) => std::thread::sleep(std::time::Duration::from_secs(60)),
        Err(_) => std::process::abort(),
    }
}
