/// The classes of transformers (5.24) that open the folders of the supported models. All but the last make their parts
/// anew from a vocabulary and the settings beside it, whatever else `tokenizer.json` says.
enum TokenizerClass: String {
    case bert = "BertTokenizer"
    case distilBert = "DistilBertTokenizer"
    case roberta = "RobertaTokenizer"
    case xlmRoberta = "XLMRobertaTokenizer"
    case camembert = "CamembertTokenizer"
    case albert = "AlbertTokenizer"
    case debertaV2 = "DebertaV2Tokenizer"
    case mpnet = "MPNetTokenizer"
    case clip = "CLIPTokenizer"
    case siglip = "SiglipTokenizer"
    case siglip2 = "Siglip2Tokenizer"
    /// `tokenizer.json` as it stands
    case stored = "TokenizersBackend"

    /// The kind of vocabulary that the class is made of; nil takes any.
    var model: String? {
        switch self {
        case .bert, .distilBert, .mpnet: "WordPiece"
        case .roberta, .clip, .siglip2: "BPE"
        case .xlmRoberta, .camembert, .albert, .debertaV2: "Unigram"
        case .siglip: SentencePieces.kind
        case .stored: nil
        }
    }

    /// Whether a model gets `token_type_ids` where no setting says so.
    var givesTypes: Bool { self == .bert || self == .debertaV2 }

    /// By `model_type`; without a model, a class as its own files name it.
    private static func registered(_ modelType: String) -> TokenizerClass? {
        switch modelType {
        case "bert", "distilbert", "electra": .bert
        case "roberta": .roberta
        case "xlm-roberta": .xlmRoberta
        case "camembert": .camembert
        case "albert": .albert
        case "deberta-v2": .debertaV2
        case "mpnet": .mpnet
        case "clip": .clip
        case "siglip": .siglip
        default: nil
        }
    }

    /// Other names of the same classes.
    private static let aliases: [String: TokenizerClass] = [
        "MobileBertTokenizer": .bert, "SqueezeBertTokenizer": .bert, "ElectraTokenizer": .bert,
        "LayoutLMTokenizer": .bert, "LxmertTokenizer": .bert, "BartTokenizer": .roberta,
        "LongformerTokenizer": .roberta, "LEDTokenizer": .roberta, "MvpTokenizer": .roberta,
        "PreTrainedTokenizer": .stored, "PythonBackend": .stored,
    ]

    /// As `AutoTokenizer` chooses: the class that the files name, or that of the model. `unknown` is a name that stands
    /// for neither.
    static func resolve(
        modelType: String?, declared: String?
    ) -> (kind: TokenizerClass?, unknown: String?) {
        // Folders of these models name Gemma's class, which transformers does not believe.
        if modelType == "siglip2" { return (.siglip2, nil) }
        guard let declared else { return (modelType.flatMap(registered), nil) }
        let name = declared.hasSuffix("Fast") ? String(declared.dropLast(4)) : declared
        if let kind = TokenizerClass(rawValue: name) ?? aliases[name] { return (kind, nil) }
        return (.stored, declared)
    }
}
