//! `demo`: the product on an example, in under a minute, with nothing but this program.
//!
//! | Module | Subject |
//! |---|---|
//! | [`folder`] | the folder of the example, its files and scripts |
//! | [`data`], [`words`], [`random`] | what is in its databases |
//! | [`story`] | the chapters |
//! | [`stage`] | telling them: text, real commands, checks |
//! | [`farewell`] | what to try next |
//! | [`serving`] | the example behind a server |

mod data;
mod farewell;
mod folder;
mod random;
mod serving;
mod stage;
mod story;
mod words;

use std::time::Instant;

use syncline_core::{Error, ErrorKind};

use crate::Context;
use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Style};
use folder::Folder;
use stage::Stage;

pub async fn demo(context: &Context, args: &DemoArgs) -> Outcome {
    let out = &context.out;
    if out.json {
        return Err(Error::new(ErrorKind::BadUsage, "the demo is for people: it has no JSON")
            .help("leave out --output json; the commands that it shows all know it")
            .into());
    }
    if args.step && !out.can_ask() {
        return Err(Error::new(
            ErrorKind::BadUsage,
            "--step waits for somebody to press Enter on a terminal",
        )
        .help("leave out --step")
        .into());
    }
    let began = Instant::now();
    let program = std::env::current_exe()?;
    let folder = Folder::make(&args.dir)?;
    let mut stage = Stage::new(context, &folder, &program, args.step);
    story::tell(&mut stage)?;
    let took = output::duration(began.elapsed().as_secs_f64());
    let (held, differences) = (stage.held as u64, stage.differences);
    if !differences.is_empty() {
        let n = output::counted(differences.len() as u64, "thing");
        return Err(Error::internal(format!("{n} in this demo went otherwise than told"))
            .help(format!("they are named above; the folder is left as it is: {}", folder.path.display()))
            .into());
    }
    let done = format!("✓ {} behind this story held, in {took}.", output::counted(held, "check"));
    out.line(format!("\n{}", out.paint(Style::Good, &done)));
    if args.remove {
        folder.remove()?;
        out.line(format!("{} is removed again.", folder.path.display()));
    } else {
        farewell::what_next(out, &folder.path, &program);
    }
    // Where nobody looks, nobody would end it.
    let serves = args.serve || (!args.no_serve && !args.remove && out.is_terminal());
    if !serves {
        return Ok(Exit::Done);
    }
    serving::serve_example(context, &folder.path, &args.web).await
}
