import Foundation
import ModelFiles

/// A `spiece.model`: SentencePiece's own file, a protocol buffer, as far as it says how a unigram model cuts text.
struct SentencePieceFile {
    static let name = "spiece.model"
    private static let byteLimit = 64 << 20

    private let path: String
    private var pieces: [(text: String, score: Float, kind: UInt64)] = []
    private var characters: [UInt8] = []
    private var addsPrefix = true
    private var removesSpaces = true
    private var escapesSpaces = true
    private var modelKind: UInt64 = 1
    private var fallsBackToBytes = false
    private var marksEnds = false

    /// Throws `TokenizerError` for a file that is not one, and for one that cuts text in another way.
    init(_ url: URL) throws {
        path = url.path
        let bytes = try FileBytes.read(url, byteLimit: Self.byteLimit)
        try ProtocolFields.forEach(bytes[...], path) { field, value in
            switch (field, value) {
            case (1, .bytes(let part)): try takePiece(part)
            case (2, .bytes(let part)): try takeTraining(part)
            case (3, .bytes(let part)): try takeNormalizer(part)
            default: break
            }
        }
        try check()
    }

    private mutating func takePiece(_ part: ArraySlice<UInt8>) throws {
        var (text, score, kind) = ("", Float(0), UInt64(1))
        try ProtocolFields.forEach(part, path) { field, value in
            switch (field, value) {
            case (1, .bytes(let name)):
                guard let name = String(validating: name, as: UTF8.self) else {
                    throw refused("a piece is not UTF-8 text")
                }
                text = name
            case (2, .word(let bits)): score = Float(bitPattern: bits)
            case (3, .number(let number)): kind = number
            default: break
            }
        }
        pieces.append((text, score, kind))
        try TokenizerFile.checkCount(pieces.count, path)
    }

    private mutating func takeTraining(_ part: ArraySlice<UInt8>) throws {
        try ProtocolFields.forEach(part, path) { field, value in
            switch (field, value) {
            case (3, .number(let number)): modelKind = number
            case (24, .number(let number)): marksEnds = number != 0
            case (35, .number(let number)): fallsBackToBytes = number != 0
            default: break
            }
        }
    }

    private mutating func takeNormalizer(_ part: ArraySlice<UInt8>) throws {
        try ProtocolFields.forEach(part, path) { field, value in
            switch (field, value) {
            case (2, .bytes(let map)): characters = Array(map)
            case (3, .number(let number)): addsPrefix = number != 0
            case (4, .number(let number)): removesSpaces = number != 0
            case (5, .number(let number)): escapesSpaces = number != 0
            default: break
            }
        }
    }

    private func check() throws {
        guard modelKind == 1 else { throw refused("the model is not SentencePiece's unigram model") }
        if fallsBackToBytes { throw refused("unknown text falls back to bytes") }
        if marksEnds { throw refused("a space stands at the end of a piece") }
        guard removesSpaces, escapesSpaces else { throw refused("spaces are kept as they stand") }
        if pieces.contains(where: { !(1...3).contains($0.kind) }) {
            throw refused("there are pieces for bytes, unused ones or those of a user")
        }
        guard pieces.count(where: { $0.kind == 2 }) == 1 else {
            throw refused("there is not one piece for unknown text")
        }
        guard pieces.allSatisfy({ $0.score.isFinite }) else { throw refused("a score is not finite") }
        guard Set(pieces.map { Array($0.text.utf8) }).count == pieces.count else {
            throw refused("a piece stands twice")
        }
        guard pieces.contains(where: { $0.kind == 1 }) else { throw refused("it has no pieces of text") }
        for piece in pieces { try TokenizerFile.checkLength(piece.text, path) }
    }

    private func refused(_ what: String) -> TokenizerError {
        TokenizerError(
            file: path, problem: "\(what), which is not supported",
            advice: "this version reads the spiece.model of SigLIP")
    }

    /// Written as the `model` section of a `tokenizer.json`, of a kind that no such file has.
    var section: JSONValue {
        .object([
            "type": .string(SentencePieces.kind),
            "unk_id": JSONValue(pieces.firstIndex { $0.kind == 2 } ?? 0),
            "control_ids": .array(pieces.indices.filter { pieces[$0].kind == 3 }.map { JSONValue($0) }),
            "add_dummy_prefix": .bool(addsPrefix),
            "precompiled_charsmap": .string(Data(characters).base64EncodedString()),
            "vocab": .array(pieces.map { .array([.string($0.text), .number(Double($0.score))]) }),
        ])
    }
}

/// The fields of a message of a protocol buffer.
enum ProtocolFields {
    enum Value {
        case number(UInt64)
        case word(UInt32)
        case bytes(ArraySlice<UInt8>)
    }

    /// In order; a field may come again. Throws `TokenizerError` where the bytes are none.
    static func forEach(
        _ bytes: ArraySlice<UInt8>, _ path: String, _ take: (Int, Value) throws -> Void
    ) throws {
        let damaged = TokenizerError(file: path, problem: "the file cannot be read as SentencePiece's")
        var rest = bytes
        func number() throws -> UInt64 {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = rest.popFirst() else { throw damaged }
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            throw damaged
        }
        func part(_ count: UInt64) throws -> ArraySlice<UInt8> {
            guard count <= UInt64(rest.count) else { throw damaged }
            defer { rest = rest.dropFirst(Int(count)) }
            return rest.prefix(Int(count))
        }
        while !rest.isEmpty {
            let tag = try number()
            guard let field = Int(exactly: tag >> 3), field > 0 else { throw damaged }
            switch tag & 7 {
            case 0: try take(field, .number(try number()))
            case 1: _ = try part(8)
            case 2: try take(field, .bytes(try part(try number())))
            case 5:
                let word = try part(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                try take(field, .word(word))
            default: throw damaged
            }
        }
    }
}
