//! What names are made of. Domains end in `.example`, which nobody owns.

pub const FIRST_NAMES: [&str; 64] = [
    "Ada", "Aisha", "Anders", "Anna", "Arthur", "Astrid", "Beatriz", "Ben", "Carla", "Casper", "Chiara",
    "Clara", "Daniel", "David", "Elena", "Elif", "Emil", "Emma", "Erik", "Fatima", "Felix", "Freya",
    "Gabriel", "Hanna", "Henrik", "Ida", "Ines", "Isla", "Ivan", "Jakob", "James", "Johan", "Julia", "Karim",
    "Katrin", "Lars", "Laura", "Leo", "Lena", "Liam", "Lucia", "Lukas", "Magnus", "Maria", "Marta", "Mateo",
    "Mia", "Nadia", "Niklas", "Nora", "Oliver", "Paula", "Pedro", "Rosa", "Samir", "Sara", "Sofia", "Stefan",
    "Theo", "Tiago", "Vera", "Victor", "Yara", "Zoe",
];

pub const LAST_NAMES: [&str; 64] = [
    "Almeida",
    "Andersen",
    "Bauer",
    "Becker",
    "Berg",
    "Bianchi",
    "Brandt",
    "Byrne",
    "Carvalho",
    "Clarke",
    "Costa",
    "Dahl",
    "de Vries",
    "Dubois",
    "Eriksson",
    "Evans",
    "Ferrari",
    "Fischer",
    "Fontaine",
    "Garcia",
    "Hansen",
    "Hartmann",
    "Hoffmann",
    "Hughes",
    "Ivanova",
    "Jansen",
    "Jensen",
    "Kaya",
    "Keller",
    "Koch",
    "Kowalski",
    "Kruger",
    "Lambert",
    "Larsen",
    "Lindqvist",
    "Lopez",
    "Marino",
    "Martin",
    "Meier",
    "Moreau",
    "Murphy",
    "Navarro",
    "Nielsen",
    "Novak",
    "Okafor",
    "Olsen",
    "Peeters",
    "Pereira",
    "Petit",
    "Richter",
    "Rossi",
    "Santos",
    "Schmidt",
    "Schneider",
    "Silva",
    "Smit",
    "Sorensen",
    "Suarez",
    "Svensson",
    "Taylor",
    "Vogel",
    "Walsh",
    "Weber",
    "Wright",
];

/// Companies are called by one of these and one of [`COMPANY_KINDS`].
pub const COMPANY_STEMS: [&str; 40] = [
    "Alder", "Amber", "Anchor", "Beacon", "Birch", "Bramble", "Bright", "Cedar", "Cobalt", "Copper", "Delta",
    "Ember", "Falcon", "Fjord", "Granite", "Harbour", "Hazel", "Heron", "Indigo", "Juniper", "Kestrel",
    "Lantern", "Larch", "Linden", "Marble", "Meadow", "Meridian", "North", "Oak", "Orchard", "Otter",
    "Pebble", "Pine", "Quarry", "Raven", "River", "Sable", "Tern", "Willow", "Wren",
];

pub const COMPANY_KINDS: [&str; 10] = [
    "Analytics",
    "Architects",
    "Dental",
    "Energy",
    "Films",
    "Insurance",
    "Labs",
    "Logistics",
    "Partners",
    "Studio",
];

/// Countries as the warehouse writes them, with how many of a hundred companies are there and the
/// first digits of their telephone numbers.
pub const COUNTRIES: [(&str, usize, &str); 10] = [
    ("Germany", 26, "+49 30"),
    ("United Kingdom", 16, "+44 20"),
    ("France", 12, "+33 1"),
    ("Netherlands", 10, "+31 20"),
    ("Sweden", 8, "+46 8"),
    ("Spain", 8, "+34 91"),
    ("Italy", 6, "+39 02"),
    ("Denmark", 6, "+45 33"),
    ("Austria", 4, "+43 1"),
    ("Portugal", 4, "+351 21"),
];

pub const COFFEES: [&str; 12] = [
    "Antigua",
    "Cerrado",
    "Gayo",
    "Guji",
    "Huehue",
    "Huila",
    "Kirinyaga",
    "Nyeri",
    "Sidama",
    "Sul de Minas",
    "Tarrazu",
    "Yirga",
];

/// A roast and the category that the shop shows it in.
pub const ROASTS: [(&str, &str); 10] = [
    ("Decaf", "Decaf"),
    ("Espresso", "Espresso"),
    ("Espresso Dark", "Espresso"),
    ("Espresso Light", "Espresso"),
    ("Filter", "Filter"),
    ("Filter Light", "Filter"),
    ("Ground Coarse", "Ground"),
    ("Ground Fine", "Ground"),
    ("Instant", "Instant"),
    ("Cold Brew", "Cold Drinks"),
];

/// Grams.
pub const WEIGHTS: [u32; 3] = [250, 500, 1000];
