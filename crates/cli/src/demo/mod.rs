//! `demo`: the product on an example, with nothing but this program.
//!
//! First a tour of the commands in the terminal, then a company that has worked with Syncline for four
//! weeks, behind a server.
//!
//! | Module | Subject |
//! |---|---|
//! | [`folder`] | the folder of the example, its files and scripts |
//! | [`data`], [`words`], [`random`] | what is in its databases |
//! | [`story`] | the chapters of the tour |
//! | [`stage`] | telling them: text, real commands, checks |
//! | [`past`] | four weeks of runs, really played |
//! | [`farewell`] | what to try next |
//! | [`serving`] | the example behind a server |

mod data;
mod farewell;
mod folder;
mod past;
mod random;
mod serving;
mod stage;
mod story;
mod words;

use std::path::Path;
use std::time::Instant;

use syncline_core::{Error, ErrorKind};

use crate::Context;
use crate::args::{DemoArgs, Globals};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out, Style};
use folder::Folder;
use stage::Stage;

pub async fn demo(context: &Context, args: &DemoArgs) -> Outcome {
    check(context, args)?;
    let out = &context.out;
    if args.again {
        let folder = Folder::made_before(&args.dir)?;
        let within = of_folder(context, &folder.path);
        let receiver = serving::receiver(&within, &folder.path).await?;
        return serving::serve_example(&within, receiver, &args.web).await;
    }
    let folder = Folder::make(&args.dir)?;
    if !args.no_tour {
        tour(context, &folder, args.step)?;
    }
    if args.remove {
        folder.remove()?;
        out.line(format!("{} is removed again.", folder.path.display()));
        return Ok(Exit::Done);
    }
    let receiver = past::play(context, &folder.path).await?;
    farewell::what_next(out, &folder.path, &std::env::current_exe()?);
    // Where nobody looks, nobody would end it.
    if args.serve || (!args.no_serve && out.is_terminal()) {
        return serving::serve_example(&of_folder(context, &folder.path), receiver, &args.web).await;
    }
    Ok(Exit::Done)
}

fn check(context: &Context, args: &DemoArgs) -> Result<(), Error> {
    if context.out.json {
        return Err(Error::new(ErrorKind::BadUsage, "the demo is for people: it has no JSON")
            .help("leave out --output json; the commands that it shows all know it"));
    }
    if args.step && !context.out.can_ask() {
        return Err(Error::new(
            ErrorKind::BadUsage,
            "--step waits for somebody to press Enter on a terminal",
        )
        .help("leave out --step"));
    }
    Ok(())
}

/// Shows the commands at work.
fn tour(context: &Context, folder: &Folder, step: bool) -> Outcome<()> {
    let out = &context.out;
    let began = Instant::now();
    let program = std::env::current_exe()?;
    let mut stage = Stage::new(context, folder, &program, step);
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
    Ok(())
}

/// The context of commands in the demo's folder: nothing may lead them to another project or state.
fn of_folder(context: &Context, folder: &Path) -> Context {
    let globals = Globals {
        project: Some(folder.to_path_buf()),
        environment: None,
        state: None,
        files: None,
        server: None,
        token: None,
        ..context.globals.clone()
    };
    let out = Out::new(&globals);
    Context { globals, out, interrupt: context.interrupt.clone() }
}
