/// What all pages have around their content: head, style, policy, and on a served page the script that looks for news.
struct PageFrame {
    let title: String
    /// Served, and renewed while runs go on; otherwise a file of its own.
    var isLive = false

    func html(_ body: [Markup]) -> String {
        // Nothing may be fetched, whatever a name or a label holds; a served page asks its own server for news.
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
            + (isLive ? "; connect-src 'self'" : "")
        let head = Markup.joined(
            [
                .element("meta", [("charset", "utf-8")]),
                .element("meta", [("http-equiv", "Content-Security-Policy"), ("content", policy)]),
                .element(
                    "meta", [("name", "viewport"), ("content", "width=device-width, initial-scale=1")]),
                .element("meta", [("name", "color-scheme"), ("content", "light dark")]),
                .element("meta", [("name", "generator"), ("content", "adalora")]),
                // Browsers would ask the server for one.
                isLive ? .element("link", [("rel", "icon"), ("href", "data:,")]) : .empty,
                .element("title", text: title),
                .asset("style", Self.text(PackageResources.report_css)),
            ], separator: "\n")
        let live = isLive ? [Markup.asset("script", Self.text(PackageResources.live_js))] : []
        let page = Markup.element(
            "html", [("lang", "en")],
            .element("head", [], head) + .element("body", [], .joined(body + live, separator: "\n")))
        return "<!doctype html>\n" + page.html + "\n"
    }

    static func text(_ resource: [UInt8]) -> String { String(decoding: resource, as: UTF8.self) }
}
