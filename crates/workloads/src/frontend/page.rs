//! The website's pages.

use super::Order;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem;border-bottom:1px solid #ccc}\
    td.number,th.number{text-align:right}footer{margin-top:2rem;color:#666}";

const FORM: &str = r#"<form method="post" action="/orders">
<label>Customer <input name="customer" required></label>
<label>Item <input name="item" required></label>
<label>Quantity <input name="quantity" type="number" min="1" max="1000" value="1" required></label>
<button>Order</button>
</form>"#;

/// The page with all orders, and a form for another.
pub(super) fn orders(orders: &[Order], pod: &str) -> String {
    let rows: String = orders.iter().map(row).collect();
    let body = format!(
        "<h1>Orders</h1>\n<table>\n<tr><th>No.</th><th>Customer</th><th>Item</th><th class=\"number\">Quantity</th>\
         <th class=\"number\">Total</th></tr>\n{rows}</table>\n<h2>Another</h2>\n{FORM}\n\
         <footer>served by {}</footer>",
        escape(pod)
    );
    page("Orders", &body)
}

/// A page that says what went wrong.
pub(super) fn problem(title: &str, reason: &str) -> String {
    page(
        title,
        &format!("<h1>{}</h1>\n<p>{}</p>", escape(title), escape(reason)),
    )
}

fn row(order: &Order) -> String {
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td class=\"number\">{}.{:02}</td></tr>\n",
        order.id,
        escape(&order.customer),
        escape(&order.item),
        order.quantity,
        order.total_cents / 100,
        order.total_cents % 100,
    )
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_visitors_write_stays_text() {
        let order = Order {
            id: 7,
            customer: "<script>".into(),
            item: "nuts & bolts".into(),
            quantity: 3,
            total_cents: 3005,
        };
        let page = orders(&[order], "frontend-1");
        assert!(page.starts_with("<!doctype html>"));
        assert!(page.contains("<td>&lt;script&gt;</td><td>nuts &amp; bolts</td>"));
        assert!(page.contains("30.05"));
    }
}
