import ModelFiles

/// Added tokens in the order in which the `tokenizers` library takes them up, with the ids that it gives.
struct AddedList {
    private(set) var tokens: [AddedToken] = []
    private var places: [[UInt8]: Int] = [:]
    private var largestID: Int32 = -1
    private let vocabularyCount: Int
    private let idOf: (String) -> Int32?

    /// - Parameter idOf: of the tokens of the vocabulary itself.
    init(vocabularyCount: Int, idOf: @escaping (String) -> Int32?) {
        self.vocabularyCount = vocabularyCount
        self.idOf = idOf
    }

    func id(of text: String) -> Int32? { places[Array(text.utf8)].map { tokens[$0].id } ?? idOf(text) }

    /// A token that is there already only takes the new behavior.
    mutating func add(_ token: AddedToken) {
        guard !token.text.isEmpty else { return }
        let bytes = Array(token.text.utf8)
        var token = token
        if let place = places[bytes] {
            token.id = tokens[place].id
            token.isSpecial = token.isSpecial || tokens[place].isSpecial
            tokens[place] = token
            return
        }
        let next = Int(largestID) >= vocabularyCount ? largestID + 1 : Int32(vocabularyCount)
        token.id = idOf(token.text) ?? next
        largestID = max(largestID, token.id)
        places[bytes] = tokens.count
        tokens.append(token)
    }

    /// The tokens that side files declare, then those of roles and extra ones that are not among them.
    mutating func add(declared: [AddedToken], roles: [SideFiles.Given], extra: [SideFiles.Given]) {
        let names = Set(roles.map { Array($0.text.utf8) })
        func special(_ given: SideFiles.Given) -> AddedToken {
            switch given {
            case .text(let text): return AddedToken(text: text, id: -1, isSpecial: true)
            case .token(var token):
                token.isSpecial = token.isSpecial || names.contains(Array(token.text.utf8))
                if token.followsSpecial { token.isNormalized = !token.isSpecial }
                return token
            }
        }
        var known = Set(tokens.map { Array($0.text.utf8) })
        for token in declared {
            known.insert(Array(token.text.utf8))
            add(special(.token(token)))
        }
        for given in roles + extra where !known.contains(Array(given.text.utf8)) { add(special(given)) }
    }

    /// As `tokenizer.json` lists them.
    var section: JSONValue {
        .array(
            tokens.map { token in
                .object([
                    "id": JSONValue(Int(token.id)), "content": .string(token.text),
                    "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
                    "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
                    "special": .bool(token.isSpecial),
                ])
            })
    }
}
