import FlyingFox
import FlyingSocks
import Foundation
import ReportPages

/// Serves the reports of runs to this machine alone, renewed while training goes on:
///
///     /                        all runs
///     /run?name=A[&name=B…]    the report of one, or of several beside each other
///     /news[?name=A…]          a text that changes when they do
///
/// Reads run folders and writes nothing. Other paths and names do not exist, other methods are refused, and so are
/// requests that another name for this machine led here (a page elsewhere may have such a name made for it).
package final class RunServer: Sendable {
    private let catalog: RunCatalog
    private let pages = PageCache()
    private let server: HTTPServer

    /// - Parameters:
    ///   - folders: runs, or folders that hold some.
    ///   - port: 0 for any that is free.
    package init(_ folders: [URL], port: UInt16) throws {
        catalog = RunCatalog(roots: folders)
        let address: sockaddr_in = try .inet(ip4: "127.0.0.1", port: port)
        let configuration = HTTPServer.Configuration(address: address, timeout: 60, logger: .disabled)
        let (catalog, pages) = (catalog, pages)
        server = HTTPServer(
            config: configuration,
            handler: ClosureHTTPHandler { request in
                await Answer(catalog: catalog, pages: pages, request: request).response()
            })
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onListening: gets the port.
    /// - Throws: where the port is taken, or may not be used.
    package func run(onListening: @escaping @Sendable (UInt16) -> Void) async throws {
        let server = server
        let announcement = Task {
            try await server.waitUntilListening()
            if case .ip4(_, let port) = await server.listeningAddress { onListening(port) }
        }
        defer { announcement.cancel() }
        try await server.run()
    }
}

/// The answer to one request.
private struct Answer {
    let catalog: RunCatalog
    let pages: PageCache
    let request: HTTPRequest

    func response() async -> HTTPResponse {
        guard isForThisMachine else {
            return text(.forbidden, "open this page as http://127.0.0.1 or http://localhost")
        }
        guard request.method == .GET || request.method == .HEAD else {
            var refusal = text(.methodNotAllowed, "this server only shows")
            refusal.headers[HTTPHeader("Allow")] = "GET, HEAD"
            return refusal
        }
        let all = catalog.entries()
        switch request.target.path() {
        case "/":
            let news = RunCatalog.news(all)
            let page = RunListPage(await pages.rows(all), news: news) { Self.link($0) }
            return answer(.ok, "text/html; charset=utf-8", page.html())
        case "/news":
            guard let asked = entries(all, isEmptyAll: true) else { return absent }
            return answer(.ok, "text/plain; charset=utf-8", RunCatalog.news(asked))
        case "/run":
            guard let asked = entries(all, isEmptyAll: false), !asked.isEmpty else { return absent }
            // Taken first: what comes while the report is being made is news to the page.
            let news = RunCatalog.news(asked)
            do {
                return answer(.ok, "text/html; charset=utf-8", try await pages.report(asked))
            } catch {
                let page = RefusalPage("\(error)", news: news)
                return answer(.internalServerError, "text/html; charset=utf-8", page.html())
            }
        default: return absent
        }
    }

    private var absent: HTTPResponse { text(.notFound, "there is no such page or run; / lists all runs") }

    /// A name that somebody's page elsewhere has pointed here stands in `Host`.
    private var isForThisMachine: Bool {
        guard let host = request.headers[.host] else { return false }
        let name = host.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        return ["127.0.0.1", "localhost"].contains(name.lowercased())
    }

    /// nil where a name is not one of a run.
    private func entries(_ all: [RunListPage.Entry], isEmptyAll: Bool) -> [RunListPage.Entry]? {
        let names = request.query.filter { $0.name == "name" }.map(\.value)
        if names.isEmpty { return isEmptyAll ? all : [] }
        let found = names.compactMap { name in all.first { $0.name == name } }
        return found.count == names.count ? found : nil
    }

    static func link(_ names: [String]) -> String {
        let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        return "/run?"
            + names.map { "name=" + ($0.addingPercentEncoding(withAllowedCharacters: plain) ?? "") }
            .joined(separator: "&")
    }

    private func text(_ status: HTTPStatusCode, _ text: String) -> HTTPResponse {
        answer(status, "text/plain; charset=utf-8", text + "\n")
    }

    private func answer(_ status: HTTPStatusCode, _ type: String, _ text: String) -> HTTPResponse {
        var response = HTTPResponse(
            statusCode: status, body: request.method == .HEAD ? Data() : Data(text.utf8))
        for (name, value) in [
            ("Content-Type", type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer"),
        ] {
            response.headers[HTTPHeader(name)] = value
        }
        return response
    }
}

/// What was made of runs that have not changed since, so that a folder of many is not read again for each that goes on.
private actor PageCache {
    private var rows: [String: (news: String, row: RunListPage.Row)] = [:]
    /// The last few.
    private var pages: [(names: [String], news: String, html: String)] = []

    func rows(_ entries: [RunListPage.Entry]) -> [RunListPage.Row] {
        var known: [String: (news: String, row: RunListPage.Row)] = [:]
        for entry in entries {
            let news = RunCatalog.news([entry])
            let old = rows[entry.name].flatMap { $0.news == news ? $0.row : nil }
            known[entry.name] = (news, old ?? RunListPage.Row(entry))
        }
        rows = known
        return entries.compactMap { known[$0.name]?.row }
    }

    func report(_ entries: [RunListPage.Entry]) throws -> String {
        let (names, news) = (entries.map(\.name), RunCatalog.news(entries))
        if let page = pages.first(where: { $0.names == names && $0.news == news }) { return page.html }
        let html = try RunReport(entries.map(\.folder)).html(news: news)
        pages.removeAll { $0.names == names }
        pages = [(names, news, html)] + pages.prefix(7)
        return html
    }
}
