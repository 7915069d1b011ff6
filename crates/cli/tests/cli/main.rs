//! Drives the real `syncline` binary over files and SQLite, as people and scripts do.

mod backups;
mod crashes;
mod dead_letters;
mod demo;
mod demo_past;
mod fixture;
mod guards;
mod journey;
mod json_shapes;
mod seeding;
mod several;
mod usage;
