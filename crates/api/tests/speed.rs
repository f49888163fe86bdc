//! A thousand documents are read in no time. Prints the figure; the bound is wide enough for a debug build.

use std::fmt::Write;
use std::time::{Duration, Instant};

use podlab_api::manifest::{SourceFile, read};

#[test]
fn a_thousand_documents() {
    let mut text = String::new();
    for number in 0..500 {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web-{number}\nspec:\n  selector:\n    app: web-{number}\n  \
             ports:\n  - name: http\n    port: 80\n    targetPort: http\n---\napiVersion: apps/v1\nkind: Deployment\n\
             metadata:\n  name: web-{number}\nspec:\n  selector:\n    matchLabels:\n      app: web-{number}\n  template:\n    \
             metadata:\n      labels:\n        app: web-{number}\n    spec:\n      containers:\n      - name: web\n        \
             image: podlab/echo\n        ports:\n        - name: http\n          containerPort: 8080\n---\n"
        );
    }
    let start = Instant::now();
    let reading = read(&[SourceFile {
        name: "-".into(),
        text,
    }]);
    let took = start.elapsed();
    println!("1,000 documents: {took:?}");
    assert!(reading.diagnostics.is_empty());
    assert_eq!(reading.objects.len(), 1000);
    assert!(took < Duration::from_secs(10), "{took:?}");
}
