"""The names that FHIR's releases do not share: resource types and elements by which R5 and STU3 are told from R4."""

from __future__ import annotations


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


R4 = _names(
    """Account ActivityDefinition AdministrableProductDefinition AdverseEvent AllergyIntolerance Appointment
    AppointmentResponse AuditEvent Basic Binary BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement
    CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Citation Claim ClaimResponse ClinicalImpression
    ClinicalUseDefinition CodeSystem Communication CommunicationRequest CompartmentDefinition Composition ConceptMap
    Condition Consent Contract Coverage CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device
    DeviceDefinition DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference
    EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse EpisodeOfCare EventDefinition
    Evidence EvidenceReport EvidenceVariable ExampleScenario ExplanationOfBenefit FamilyMemberHistory Flag Goal
    GraphDefinition Group GuidanceResponse HealthcareService ImagingStudy Immunization ImmunizationEvaluation
    ImmunizationRecommendation ImplementationGuide Ingredient InsurancePlan Invoice Library Linkage List Location
    ManufacturedItemDefinition Measure MeasureReport Media Medication MedicationAdministration MedicationDispense
    MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization
    MedicinalProductContraindication MedicinalProductDefinition MedicinalProductIndication MedicinalProductIngredient
    MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged MedicinalProductPharmaceutical
    MedicinalProductUndesirableEffect MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder
    NutritionProduct Observation ObservationDefinition OperationDefinition OperationOutcome Organization
    OrganizationAffiliation PackagedProductDefinition Parameters Patient PaymentNotice PaymentReconciliation Person
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse
    RegulatedAuthorization RelatedPerson RequestGroup ResearchDefinition ResearchElementDefinition ResearchStudy
    ResearchSubject RiskAssessment RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen
    SpecimenDefinition StructureDefinition StructureMap Subscription SubscriptionStatus SubscriptionTopic Substance
    SubstanceDefinition SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
    SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task TerminologyCapabilities TestReport
    TestScript ValueSet VerificationResult VisionPrescription"""
)
"""Of R4 and R4B."""
OF_R5 = _names(
    """ActorDefinition ArtifactAssessment BiologicallyDerivedProductDispense ConditionDefinition DeviceAssociation
    DeviceDispense DeviceUsage EncounterHistory FormularyItem GenomicStudy ImagingSelection InventoryItem
    InventoryReport NutritionIntake Permission RequestOrchestration Requirements TestPlan Transport"""
)
OF_STU3 = _names(
    """BodySite DataElement DeviceComponent EligibilityRequest EligibilityResponse ExpansionProfile ImagingManifest
    ProcedureRequest ProcessRequest ProcessResponse ReferralRequest Sequence ServiceDefinition"""
)


def _elements(**named: str) -> dict[str, frozenset[str]]:
    return {kind: _names(names) for kind, names in named.items()}


R5_ELEMENTS = _elements(
    Encounter="actualPeriod plannedStartDate plannedEndDate admission subjectStatus careTeam virtualService",
    Condition="participant",
    Observation="triggeredBy instantiatesCanonical instantiatesReference bodyStructure",
    MedicationRequest="medication effectiveDosePeriod renderedDosageInstruction informationSource reason device",
    MedicationStatement="medication renderedDosageInstruction adherence",
    MedicationAdministration="medication occurenceDateTime occurencePeriod occurenceTiming",
    MedicationDispense="medication renderedDosageInstruction notPerformedReason",
    Procedure="occurrenceDateTime occurrencePeriod occurrenceString occurrenceAge reportedBoolean focus",
    ImagingStudy="partOf procedure",
    Claim="encounter diagnosisRelatedGroup traceNumber event",
    Immunization="informationSource administeredProduct basedOn",
    DiagnosticReport="supportingInfo composition note",
    Consent="decision controller subject grantor",
    AllergyIntolerance="participant",
    DocumentReference="modality facilityType practiceSetting attester",
    Coverage="kind paymentBy insurer",
)
STU3_ELEMENTS = _elements(
    Patient="animal",
    Encounter="incomingReferral",
    Condition="context assertedDate",
    Observation="context related comment",
    MedicationRequest="context definition",
    MedicationStatement="taken reasonNotTaken",
    MedicationAdministration="notGiven prescription reasonNotGiven",
    MedicationDispense="notDone notDoneReasonCodeableConcept",
    Procedure="context notDone notDoneReason definition",
    ImagingStudy="uid patient accession availability context",
    Claim="information employmentImpacted hospitalization organization",
    Immunization="notGiven vaccinationProtocol explanation",
    DiagnosticReport="context codedDiagnosis image",
    AllergyIntolerance="assertedDate",
    DocumentReference="indexed class created",
    Consent="except consentingParty purpose",
    Coverage="grouping",
)
