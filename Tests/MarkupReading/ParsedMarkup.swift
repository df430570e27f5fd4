import Foundation
import FoundationXML

/// What an XML parser sees in an SVG picture or in a page's markup.
package struct ParsedMarkup: Sendable {
    /// Of the elements, in their order.
    package let names: [String]
    package let ids: [String]
    package let text: String

    /// Throws `Fault` where the markup is not well-formed.
    package init(_ markup: String) throws {
        let collector = Collector()
        let parser = XMLParser(data: Data(markup.utf8))
        parser.delegate = collector
        guard parser.parse() else {
            throw Fault(description: "line \(parser.lineNumber): \(String(describing: parser.parserError))")
        }
        (names, ids, text) = (collector.names, collector.ids, collector.text)
    }

    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }
}

private final class Collector: NSObject, XMLParserDelegate {
    var names: [String] = []
    var ids: [String] = []
    var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        names.append(name)
        if let id = attributes["id"] { ids.append(id) }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}
