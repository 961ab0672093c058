"""One valid value of each type that is encoded by itself. All values are synthetic and fixed."""

from schemas import types
from schemas.avro.codec import encode, sorted_set


def hash_of(number: int) -> bytes:
    """A Hash whose bytes all have this value."""
    return bytes([number]) * 32


HEAD = types.Head(originator="BZ", stream="intel.caribbean", next_sequence=70, batch=hash_of(1))
KEY = types.Key(use=types.KeyUse.SEAL, suite=1, public=hash_of(2), from_=1_760_000_000_000, reason=types.KeyReason.NONE)
OTHER_KEY = types.Key(
    use=types.KeyUse.AGREE,
    suite=1,
    public=hash_of(3),
    from_=1_760_000_000_000,
    until=1_770_000_000_000,
    reason=types.KeyReason.SUPERSEDED,
)
BATCH = types.Batch(
    suite=1,
    community=hash_of(4),
    originator="BZ",
    stream="intel.caribbean",
    first_sequence=65,
    size=32,
    root=hash_of(5),
    previous=hash_of(6),
    sealed_at=1_760_000_000_000,
    governance=0,
    key_id=hash_of(7),
)
HEADER = types.Header(
    message_id=bytes(range(16)),
    type=types.MessageType.RECALL,
    refers_to=(b"a" * 16, b"b" * 16, b"c" * 16),
    expires_at=1_790_000_000_000,
    sealing=types.Sealing(audience_key_id=hash_of(8), grant=5, labels_hash=hash_of(9)),
)
LABELS = types.Labels(
    salt=hash_of(10),
    kind=types.LabelKind.REPORT,
    created_at=1_760_000_000_000,
    retain_until=22_000,
    references=(types.Reference(originator="GT", message_id=b"d" * 16),),
    subjects=sorted_set(["PROTECTED_AREA_ENCROACHMENT", "CONTRABAND"]),
    subject_categories=("SUSPECT",),
    special_category=False,
    handling=("H0",),
    urgency="NORMAL",
    purpose="INFORMATION_EXCHANGE",
)
REPORT = types.IntelligenceReport(
    kind=types.LabelKind.REPORT,
    created_at=1_760_000_000_000,
    region="caribbean",
    report_id="2f1c6b1e-7f0d-4a44-9a58-0c1e1f0a7d11",
    references=(),
    subjects=("PROTECTED_AREA_ENCROACHMENT", "CONTRABAND"),
    narrative=types.Narrative(text="Zwei Männer mit Motorsägen.\nIm Schutzgebiet.", language="de"),
    occurred=types.Occurred(from_=1_759_000_000_000, until=1_759_000_000_123),
    place=types.Place(latitude_microdegrees=16_895_000, longitude_microdegrees=-89_093_000, area="Chiquibul"),
    urgency="NORMAL",
    purpose="INFORMATION_EXCHANGE",
    legal_basis="Synthetic treaty, art. 1",
    retain_until=22_000,
    evaluation=types.Evaluation(grid="4x4", source="B", information="2"),
    handling=("H0",),
    entities=(
        types.Entity(
            id=1,
            kind="PERSON",
            statement="ASSESSMENT",
            label="Man with the chainsaw",
            identifiers=(types.Identifier(scheme="PHONE", value="+5016001234", country="BZ"),),
            person=types.Person(family_name="Muster", category="SUSPECT", under_18=False, special_category=True),
        ),
        types.Entity(
            id=2,
            kind="GOODS",
            statement="FACT",
            identifiers=(),
            goods=types.Goods(type="Mahogany", quantity="12.5", unit="M3"),
        ),
    ),
    connections=(types.Connection(from_=1, to=2, role="CARRIES", statement="ASSESSMENT"),),
)
GRANT_ENTRY = types.GrantEntry(
    recipient="GT",
    key_id=hash_of(11),
    clauses=(types.ClauseReference(agreement=hash_of(12), clause="1"),),
    wrap=b"w" * 1168,
)
OWN_ENTRY = types.GrantEntry(recipient="BZ", key_id=hash_of(13), clauses=(), wrap=b"v" * 1168)
CLAUSE = types.Clause(
    id="1",
    from_=("BZ",),
    to=("GT",),
    retention_days_max=1825,
    regions=("*",),
    subjects=("CONTRABAND",),
    types=("REPORT",),
    categories=("*",),
    handling=("H0", "H1"),
    purposes=("*",),
    special_categories=False,
)
CHECKPOINT = types.Checkpoint(time=1_760_000_000_000, heads=(HEAD,))
DOCUMENT = types.Document(
    community=hash_of(14),
    root=hash_of(15),
    kind=types.DocumentKind.AGREEMENT,
    id="BZ-GT",
    version=1,
    previous=bytes(32),
    from_=1_760_000_000_000,
    until=1_790_000_000_000,
    body=b"body",
)

EACH: tuple[types.Record, ...] = (
    types.SealedMessage(
        header=encode(HEADER),
        content_hash=hash_of(16),
        content=b"c" * 1084,
        batch=encode(BATCH),
        signature=b"s" * 64,
        index=3,
        path=b"p" * 160,
    ),
    BATCH,
    HEADER,
    LABELS,
    REPORT,
    types.Recall(reason="Sent in error."),
    types.KeyGrant(audience_key_id=hash_of(17), use_until=1_760_086_400_000, entries=(OWN_ENTRY, GRANT_ENTRY)),
    CHECKPOINT,
    types.CheckpointBody(checkpoint=encode(CHECKPOINT), key_id=hash_of(18), signature=b"m" * 3309),
    types.Receipt(
        originator="BZ",
        stream="intel.caribbean",
        items=(types.ReceiptItem(batch=hash_of(19), outcomes=b"\x40\x41\x00"),),
    ),
    types.SignedDocument(
        document=encode(DOCUMENT),
        signatures=(types.DocumentSignature(key_id=hash_of(20), signature=b"s" * 64),),
    ),
    DOCUMENT,
    types.Root(
        trustees=(types.Trustee(id="CELAC", key=OTHER_KEY),),
        threshold=1,
        revoke_threshold=1,
        registry_keys=(KEY,),
        resume=(),
    ),
    types.Node(keys=(KEY, OTHER_KEY), streams=("keys", "intel.caribbean"), resume=(HEAD,)),
    types.Agreement(parties=("BZ", "GT"), clauses=(CLAUSE,), status=types.AgreementStatus.IN_FORCE),
)


def name_of(value: types.Record) -> str:
    """The type's name, for ids of cases."""
    return type(value).__name__
