//! Two ends of a link, each a mesh with a model of a browser, and a model of the broker between them: explored in every
//! interleaving, run through chance and trouble, and shown to notice each rule that is broken.

mod browser;
mod chance;
mod description;
mod end;
mod exploration;
mod explore;
mod floods;
mod healing;
mod helpers;
mod mutants;
mod network;
mod properties;
mod reloads;
mod replays;
mod single;
mod stories;
mod strangeness;
mod ways;
mod world;
