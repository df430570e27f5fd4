import Foundation
import Glibc
import Testing

/// `adalora serve`: pages of runs for this machine, and nothing else.
@Suite struct ServeTests {
    /// A started server, ended with the last reference.
    private final class Server {
        private let command: RunningCommand
        let port: UInt16

        init(_ workspace: Workspace, _ folders: [String]) throws {
            command = try workspace.start(["serve", "--port", "0"] + folders)
            var found: UInt16?
            while found == nil {
                guard command.isRunning else {
                    throw CommandFailure(description: try command.finish().errors)
                }
                usleep(5000)
                let line = try command.errorsSoFar().split(separator: "\n").first {
                    $0.hasPrefix("http://127.0.0.1:")
                }
                found = line.flatMap {
                    UInt16($0.dropFirst("http://127.0.0.1:".count).prefix { $0.isNumber })
                }
            }
            port = found ?? 0
        }

        func end(_ signal: Int32) throws -> CommandResult {
            command.send(signal)
            return try command.finish()
        }

        deinit { command.send(SIGKILL) }

        /// What comes back for a request line and headers, to the end of the connection.
        func ask(_ request: String, host: String = "127.0.0.1") throws -> String {
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(socket) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            try #require(status == 0)
            let text = "\(request) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
            _ = text.withCString { write(socket, $0, strlen($0)) }
            var answer = Data()
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(socket, &buffer, buffer.count)
                if count <= 0 { break }
                answer += buffer[..<count]
            }
            return String(decoding: answer, as: UTF8.self)
        }

        func status(_ request: String, host: String = "127.0.0.1") throws -> String {
            String(
                try ask(request, host: host).prefix { $0 != "\r\n" }.dropFirst("HTTP/1.1 ".count).prefix(3))
        }
    }

    private static func workspace() throws -> Workspace {
        let workspace = try Workspace()
        for (name, seed) in [("first", "1"), ("second <b>", "2")] {
            let run = Workspace.training(
                output: "runs/\(name)", steps: 6, ["--budget", "12", "--seed", seed])
            try #require(try workspace.run(run).status == 0)
        }
        return workspace
    }

    @Test func listsRunsAndShowsTheirReports() throws {
        let workspace = try Self.workspace()
        let server = try Server(workspace, ["runs"])
        let list = try server.ask("GET /")
        #expect(list.contains("2 runs") && list.contains("/run?name=first"))
        #expect(list.contains("second &lt;b&gt;") && !list.contains("second <b>"))
        #expect(list.contains("connect-src &#39;self&#39;") || list.contains("connect-src 'self'"))
        #expect(list.contains("X-Content-Type-Options: nosniff") && list.contains("Cache-Control: no-store"))
        let page = try server.ask("GET /run?name=first")
        #expect(page.contains("report-data") && page.contains("/news"))
        #expect(try server.ask("GET /run?name=second%20%3Cb%3E").contains("report-data"))
        let both = try server.ask("GET /run?name=first&name=second%20%3Cb%3E")
        #expect(both.contains("<h1>2 runs</h1>"))
        #expect(try server.ask("HEAD /").hasSuffix("\r\n\r\n"))
        // A page made into a file asks no server.
        try #require(try workspace.run(["report", "runs/first"]).status == 0)
        #expect(try !workspace.text("runs/first/report.html").contains("/news"))
        let end = try server.end(SIGTERM)
        #expect(end.status == 0, "\(end.errors)")
    }

    /// A run at its very beginning: the page says so and comes again by itself.
    @Test func aRunThatCannotBeReadYet() throws {
        let workspace = try Self.workspace()
        try FileManager.default.createDirectory(
            at: workspace.file("runs/<i>"), withIntermediateDirectories: true)
        try workspace.write("", to: "runs/<i>/events.jsonl")
        let server = try Server(workspace, ["runs"])
        let page = try server.ask("GET /run?name=%3Ci%3E")
        #expect(page.hasPrefix("HTTP/1.1 500") && page.contains("text/html"))
        #expect(page.contains("The run cannot be read") && page.contains("'/news'") && !page.contains("<i>"))
    }

    @Test func newsChangeWithTheRuns() throws {
        let workspace = try Self.workspace()
        let server = try Server(workspace, ["runs", "runs/first"])
        let before = try server.ask("GET /news")
        #expect(try server.ask("GET /news") == before)
        let one = try server.ask("GET /news?name=first")
        try #require(
            try workspace.run(Workspace.training(output: "runs/third", steps: 2, ["--budget", "12"])).status
                == 0)
        #expect(try server.ask("GET /news") != before)
        #expect(try server.ask("GET /news?name=first") == one)
        #expect(try server.ask("GET /").contains("name=runs%2Fthird"))
        #expect(try server.end(SIGINT).status == 0)
    }

    @Test func nothingElseIsThere() throws {
        let workspace = try Self.workspace()
        try workspace.write("secret", to: "secret")
        try FileManager.default.createSymbolicLink(
            at: workspace.file("runs/link"), withDestinationURL: workspace.file("model"))
        let server = try Server(workspace, ["runs"])
        for path in [
            "/../secret", "/..%2fsecret", "/runs/first/config.yaml", "/first/events.jsonl", "//etc/passwd",
            "/run",
            "/run?name=../model", "/run?name=first&name=none", "/run?name=", "/news?name=..%2f..", "/%00",
            "/?x=/../..",
        ] where path != "/?x=/../.." {
            #expect(try server.status("GET \(path)") == "404", "\(path)")
            #expect(try !server.ask("GET \(path)").contains("secret\n"))
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            #expect(try server.status("\(method) /") == "405", "\(method)")
        }
        // A page elsewhere that has a name of its own point here.
        for host in ["evil.example", "127.0.0.1.evil.example", ""] {
            #expect(try server.status("GET /", host: host) == "403", "\(host)")
        }
        for host in ["localhost", "LOCALHOST:\(server.port)", "127.0.0.1:\(server.port)"] {
            #expect(try server.status("GET /", host: host) == "200", "\(host)")
        }
        // A damaged run does not hide the others.
        try workspace.write("{}\n", to: "runs/first/events.jsonl")
        #expect(try server.ask("GET /").contains("events.jsonl"))
        #expect(try server.status("GET /run?name=first") == "500")
        let other = try workspace.run(["serve", "--port", "\(server.port)", "runs"])
        #expect(other.status == 64 && other.errors.contains("port \(server.port)"), "\(other.errors)")
        #expect(try workspace.run(["serve", "nowhere"]).status == 66)
    }
}
