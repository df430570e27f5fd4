import AdapterTools
import Testing

/// What is taken for the name of a model on the Hub.
@Suite struct BaseModelNameTests {
    @Test(arguments: [
        ("bert-base-uncased", true), ("sentence-transformers/all-MiniLM-L6-v2", true), ("a/b.c_d", true),
        ("./models/minilm", false), ("/models/minilm", false), ("../minilm", false), ("a/b/c", false),
        ("", false),
        ("a/", false), ("/", false), ("a b", false), ("a--b", false), ("a..b", false), ("-a", false),
        ("a.", false),
        ("naïve", false), ("models\\minilm", false), (String(repeating: "a", count: 97), false),
    ])
    func onTheHub(name: String, isThere: Bool) {
        #expect(BaseModelName.Choice(name, .given).isOnHub == isThere)
    }

    @Test(arguments: [
        ("/h/.cache/huggingface/hub/models--org--name/snapshots/0a1b", "org/name"),
        ("/h/hub/models--gpt2/snapshots/0a1b", "gpt2"), ("/h/hub/models--org--name/blobs/0a1b", nil),
        ("/snapshots/0a1b", nil), ("/h/datasets--org--name/snapshots/0a1b", nil),
        ("/h/models--a--b--c/snapshots/0a1b", nil), ("/h/models--/snapshots/0a1b", nil),
        ("/models/minilm", nil),
    ])
    func inTheHubsCache(path: String, name: String?) { #expect(BaseModelName.cachedName(path) == name) }
}
