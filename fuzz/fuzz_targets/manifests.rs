//! Any text as a manifest: it is read, whatever is wrong with it is told, and what is right is run without nodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podlab_api::manifest::{SourceFile, read};
use podlab_fuzz::{registry, settle};

fuzz_target!(|text: &str| {
    let reading = read(&[SourceFile {
        name: "-".to_owned(),
        text: text.to_owned(),
    }]);
    for diagnostic in &reading.diagnostics {
        assert!(diagnostic.render(false).starts_with("<stdin>:"));
        diagnostic.render(true);
    }
    if reading.has_errors() {
        return;
    }
    let registry = registry();
    for object in &reading.objects {
        // The registry knows more than reading does: which addresses are taken, and what was there before.
        let _ = registry.apply(object.value.clone());
    }
    settle(&registry);
});
