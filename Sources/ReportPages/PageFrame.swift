/// What all pages have around their content: head, style, policy, and on a served page the script that looks for news.
struct PageFrame {
    let title: String
    /// What the server's `/news` said when the page was made; nil for a file of its own, which no server renews.
    let news: String?
    private var isLive: Bool { news != nil }

    init(title: String, news: String?) {
        self.title = title
        self.news = news
    }

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
                news.map { .element("meta", [("name", "news"), ("content", $0)]) } ?? .empty,
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
