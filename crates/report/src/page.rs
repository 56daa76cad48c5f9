//! The shell of every report: escaping, header, verdict, key figures, sections, tables, notes, footer.
//!
//! Text becomes part of a page only as [`Html`], which escapes it; the page forbids itself every outside request by a
//! content security policy, so that even a mistake here could not make a browser call out.

use std::fmt::Write;

/// A piece of a page in which every text of the caller is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

impl Html {
    /// Text of a user, escaped for element content and quoted attributes alike.
    pub fn text(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                // HTML has no way to write these; the replacement shows that something was there.
                c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => escaped.push('\u{fffd}'),
                // Marks that reorder text could make a page read other than what it holds.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
                c => escaped.push(c),
            }
        }
        Self(escaped)
    }

    /// Markup of this crate; its parts are escaped already.
    pub(crate) fn markup(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// Appends another piece.
    pub fn push(&mut self, piece: &Html) {
        self.0.push_str(&piece.0);
    }

    /// The markup.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How urgent a verdict is; shown by word and sign, color only underlines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing needs a look.
    Good,
    /// A person should look.
    Attention,
}

/// One key figure: what it is, its value, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Name above the value.
    pub label: String,
    /// The value as shown.
    pub value: String,
    /// A few words below it.
    pub note: String,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// Numbers stand to the right.
    pub numeric: bool,
}

impl Column {
    /// A column of words.
    pub fn words(name: &str) -> Self {
        Self { name: name.to_owned(), numeric: false }
    }

    /// A column of numbers.
    pub fn numbers(name: &str) -> Self {
        Self { name: name.to_owned(), numeric: true }
    }
}

/// A table whose first column names the rows.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What the table shows, for those who cannot see it.
    pub caption: String,
    /// Headings.
    pub columns: Vec<Column>,
    /// Cells, as many a row as there are columns.
    pub rows: Vec<Vec<Html>>,
    /// The row that matters most, if one does.
    pub strong_row: Option<usize>,
}

impl Table {
    /// The table's markup; on a narrow screen it scrolls by itself rather than widening the page.
    pub fn html(&self) -> Html {
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption><thead><tr>",
            Html::text(&self.caption)
        );
        let class = |i: usize| if self.columns.get(i).is_some_and(|c| c.numeric) { " class=\"num\"" } else { "" };
        for (i, column) in self.columns.iter().enumerate() {
            add(&mut out, format_args!("<th scope=\"col\"{}>{}</th>", class(i), Html::text(&column.name)));
        }
        out.push_str("</tr></thead><tbody>");
        for (r, row) in self.rows.iter().enumerate() {
            out.push_str(if self.strong_row == Some(r) { "<tr class=\"strong\">" } else { "<tr>" });
            for (i, cell) in row.iter().enumerate() {
                if i == 0 {
                    add(&mut out, format_args!("<th scope=\"row\"{}>{cell}</th>", class(i)));
                } else {
                    add(&mut out, format_args!("<td{}>{cell}</td>", class(i)));
                }
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>");
        Html(out)
    }
}

/// A report under construction; parts appear in the order of the calls.
#[derive(Debug)]
pub struct Page {
    title: String,
    body: String,
}

impl Page {
    /// Opens a page: `kind` is a small line above the title, `facts` stand below it as name and value.
    pub fn new(kind: &str, title: &str, subtitle: Option<&str>, facts: &[(&str, String)]) -> Self {
        let (kind_html, title_html) = (Html::text(kind), Html::text(title));
        let mut body = format!("<header><p class=\"kind\">{kind_html}</p><h1>{title_html}</h1>");
        if let Some(subtitle) = subtitle {
            add(&mut body, format_args!("<p class=\"subtitle\">{}</p>", Html::text(subtitle)));
        }
        body.push_str("<dl class=\"facts\">");
        for (name, value) in facts {
            add(&mut body, format_args!("<div><dt>{}</dt><dd>{}</dd></div>", Html::text(name), Html::text(value)));
        }
        body.push_str("</dl></header><main>");
        Self { title: format!("{title} \u{b7} {kind}"), body }
    }

    /// The answer first: a heading, what to look at, and what it all says in sentences.
    pub fn verdict(&mut self, state: State, heading: &str, findings: &[String], sentences: &[Html]) {
        let (class, sign) = match state {
            State::Good => ("good", "\u{2713}"),
            State::Attention => ("attention", "!"),
        };
        add(
            &mut self.body,
            format_args!(
                "<section class=\"card verdict {class}\" aria-labelledby=\"verdict\"><h2 id=\"verdict\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span>{}</h2>",
                Html::text(heading)
            ),
        );
        if !findings.is_empty() {
            self.body.push_str("<ol class=\"findings\">");
            for finding in findings {
                add(&mut self.body, format_args!("<li>{}</li>", Html::text(finding)));
            }
            self.body.push_str("</ol>");
        }
        for sentence in sentences {
            add(&mut self.body, format_args!("<p>{sentence}</p>"));
        }
        self.body.push_str("</section>");
    }

    /// Key figures side by side.
    pub fn figures(&mut self, figures: &[Figure]) {
        if figures.is_empty() {
            return;
        }
        self.body.push_str("<dl class=\"card figures\">");
        for figure in figures {
            add(
                &mut self.body,
                format_args!(
                    "<div><dt>{}</dt><dd class=\"value\">{}</dd><dd class=\"note\">{}</dd></div>",
                    Html::text(&figure.label),
                    Html::text(&figure.value),
                    Html::text(&figure.note)
                ),
            );
        }
        self.body.push_str("</dl>");
    }

    /// A section with its heading, a sentence on what it shows, and its content.
    pub fn section(&mut self, id: &str, heading: &str, lead: &str, content: &Html) {
        add(
            &mut self.body,
            format_args!(
                "<section class=\"card\" aria-labelledby=\"{0}\"><h2 id=\"{0}\">{1}</h2>",
                Html::text(id),
                Html::text(heading)
            ),
        );
        if !lead.is_empty() {
            add(&mut self.body, format_args!("<p class=\"lead\">{}</p>", Html::text(lead)));
        }
        add(&mut self.body, format_args!("{content}</section>"));
    }

    /// The whole page, closed by `footer`.
    pub fn finish(self, footer: &str) -> String {
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
             <link rel=\"icon\" href=\"data:,\"><title>{}</title>\n<style>\n{}</style></head>\n<body>{}</main><footer><p>{}</p></footer></body></html>\n",
            Html::text(&self.title),
            include_str!("page.css"),
            self.body,
            Html::text(footer)
        )
    }
}

/// A paragraph set apart: a fact that qualifies what is shown.
pub fn note(text: &str) -> Html {
    Html(format!("<p class=\"aside\">{}</p>", Html::text(text)))
}

/// A heading inside a section.
pub fn subheading(text: &str) -> Html {
    Html(format!("<h3>{}</h3>", Html::text(text)))
}

/// A share of 1 as a bar with its number in words; the bar alone says nothing that the number does not.
pub fn bar(share: f64, words: &str) -> Html {
    let width = if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
    Html(format!(
        "<span class=\"measure\"><span class=\"bar\" aria-hidden=\"true\"><i style=\"width:{width:.1}%\"></i></span><span class=\"amount\">{}</span></span>",
        Html::text(words)
    ))
}

/// Names with their values.
pub fn facts(rows: &[(String, String)]) -> Html {
    let mut out = String::from("<dl class=\"rows\">");
    for (name, value) in rows {
        // Two long texts side by side would break both.
        let class = if value.chars().count() > 28 { " class=\"long\"" } else { "" };
        add(&mut out, format_args!("<div{class}><dt>{}</dt><dd>{}</dd></div>", Html::text(name), Html::text(value)));
    }
    out.push_str("</dl>");
    Html(out)
}

/// Appends formatted markup.
pub(crate) fn add(out: &mut String, markup: std::fmt::Arguments<'_>) {
    out.write_fmt(markup).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert('x')</script> & \"quoted\"";
    const SAFE: &str = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;";

    #[test]
    fn text_is_escaped() {
        assert_eq!(Html::text(HOSTILE).as_str(), SAFE);
        assert_eq!(Html::text("a\u{0}b\u{7}\n").as_str(), "a\u{fffd}b\u{fffd}\n");
        assert_eq!(Html::text("a\u{202e}b").as_str(), "a\u{fffd}b");
        assert_eq!(Html::text("größe 負荷").as_str(), "größe 負荷");
    }

    #[test]
    fn every_part_escapes_what_it_is_given() {
        let hostile = HOSTILE.to_owned();
        let mut page = Page::new(HOSTILE, HOSTILE, Some(HOSTILE), &[(HOSTILE, hostile.clone())]);
        page.verdict(State::Attention, HOSTILE, std::slice::from_ref(&hostile), &[Html::text(HOSTILE)]);
        page.figures(&[Figure { label: hostile.clone(), value: hostile.clone(), note: hostile.clone() }]);
        let table = Table {
            caption: hostile.clone(),
            columns: vec![Column::words(HOSTILE), Column::numbers(HOSTILE)],
            rows: vec![vec![Html::text(HOSTILE), bar(f64::NAN, HOSTILE)]],
            strong_row: Some(0),
        };
        page.section(HOSTILE, HOSTILE, HOSTILE, &table.html());
        page.section("more", "more", "", &facts(&[(hostile.clone(), hostile)]));
        page.section("notes", "notes", "", &{
            let mut both = note(HOSTILE);
            both.push(&subheading(HOSTILE));
            both
        });
        let html = page.finish(HOSTILE);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.matches(SAFE).count() >= 20, "{}", html.matches(SAFE).count());
    }

    #[test]
    fn tables_say_what_their_headings_head() {
        let table = Table {
            caption: "Loads".to_owned(),
            columns: vec![Column::words("name"), Column::numbers("load")],
            rows: vec![vec![Html::text("a"), Html::text("1")]],
            strong_row: None,
        };
        let html = table.html();
        assert!(html.as_str().contains("<th scope=\"col\" class=\"num\">load</th>"));
        assert!(html.as_str().contains("<th scope=\"row\">a</th><td class=\"num\">1</td>"));
    }

    #[test]
    fn a_page_forbids_outside_requests() {
        let html = Page::new("k", "t", None, &[]).finish("f");
        assert!(html.contains("default-src 'none'"));
        assert!(!html.contains("://") && !html.contains("url(") && !html.contains("@import"));
    }
}
